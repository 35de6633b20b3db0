#include "correspondence/separation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "correspondence/loops.h"
#include "correspondence/statistics.h"

namespace vega {
namespace {

enum class Kind : std::uint32_t { kSame = 0, kDifferent = 1, kUnrelated = 2 };

constexpr std::uint32_t kAttempts = 256;
constexpr std::size_t kPairsAtOnce = 1024;

// Uniform in [0, n) from 64 random bits, by the high half of the product.
std::int64_t below(std::uint32_t high, std::uint32_t low, std::int64_t n) {
  __extension__ using Wide = unsigned __int128;
  const std::uint64_t bits = std::uint64_t{high} << 32 | low;
  return static_cast<std::int64_t>((Wide{bits} * static_cast<std::uint64_t>(n)) >> 64);
}

PhiloxCounter draw(std::uint64_t seed, std::int64_t pair, std::uint32_t attempt, Kind kind) {
  const auto p = static_cast<std::uint64_t>(pair);
  return philox4x32({static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(p >> 32), attempt,
                     static_cast<std::uint32_t>(kind)},
                    philox_key(seed ^ fnv1a64("correspondence")));
}

// All token pairs of one voxel from two views, numbered: place i of the sorted rows is the first of
// as many ordered pairs as its voxel has tokens of other views.
class SamePairs {
 public:
  SamePairs(const TokenRows& rows, const VoxelGroups& groups) : groups_(groups) {
    const auto view = [&](std::int64_t place) {
      return rows.view[std::size_t(groups.rows[std::size_t(place)])];
    };
    for (std::int64_t v = 0; v < groups.count(); ++v) {
      const std::int64_t begin = groups.first[std::size_t(v)];
      const std::int64_t end = groups.first[std::size_t(v) + 1];
      for (std::int64_t run = begin; run < end;) {
        std::int64_t next = run;
        while (next < end && view(next) == view(run)) ++next;
        for (std::int64_t i = run; i < next; ++i) {
          total_ += (end - begin) - (next - run);
          places_.push_back({total_, begin, run, next});
        }
        run = next;
      }
    }
  }

  std::int64_t total() const { return total_; }

  std::pair<std::int64_t, std::int64_t> at(std::int64_t number) const {
    const auto place = std::upper_bound(places_.begin(), places_.end(), number,
                                        [](std::int64_t n, const Place& p) { return n < p.upto; });
    const std::int64_t before = place == places_.begin() ? 0 : std::prev(place)->upto;
    std::int64_t other = place->voxel + (number - before);
    if (other >= place->run) other += place->next - place->run;
    return {groups_.rows[std::size_t(place - places_.begin())], groups_.rows[std::size_t(other)]};
  }

 private:
  // Pairs up to and with this place; where its voxel begins; its run of one view.
  struct Place {
    std::int64_t upto, voxel, run, next;
  };
  const VoxelGroups& groups_;
  std::vector<Place> places_;
  std::int64_t total_ = 0;
};

// Cosines of `count` pairs; pick(i) gives two rows, or a negative one for none.
std::vector<float> cosines(
    const TokenRows& rows, std::int64_t count, int threads,
    const std::function<std::pair<std::int64_t, std::int64_t>(std::int64_t)>& pick) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> out(static_cast<std::size_t>(count), none);
  parallel_for((out.size() + kPairsAtOnce - 1) / kPairsAtOnce, threads, [&](std::size_t k) {
    for (std::size_t i = k * kPairsAtOnce; i < std::min(out.size(), (k + 1) * kPairsAtOnce); ++i) {
      const auto [a, b] = pick(static_cast<std::int64_t>(i));
      if (a >= 0) out[i] = correspondence::dot(rows.row(a), rows.row(b), rows.channels);
    }
  });
  out.erase(std::remove_if(out.begin(), out.end(), [](float v) { return std::isnan(v); }),
            out.end());
  return out;
}

// m, of the box around all tokens.
double diagonal(const TokenRows& rows) {
  std::array<double, 3> low, high;
  low.fill(std::numeric_limits<double>::infinity());
  high.fill(-std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < rows.world.size(); ++i) {
    low[i % 3] = std::min(low[i % 3], double{rows.world[i]});
    high[i % 3] = std::max(high[i % 3], double{rows.world[i]});
  }
  return std::hypot(high[0] - low[0], high[1] - low[1], high[2] - low[2]);
}

double mean(const std::vector<float>& values) {
  return spread_of(std::vector<double>(values.begin(), values.end())).mean;
}

}  // namespace

Separation separation(const TokenRows& rows, const SeparationOptions& options) {
  if (options.pairs < 0 || !(options.unrelated_m >= 0)) {
    throw InputError(explain("correspondence: token pairs",
                             std::to_string(options.pairs) + " pairs, unrelated from " +
                                 std::to_string(options.unrelated_m) + " m",
                             "numbers from 0"));
  }
  const VoxelGroups groups = group_by_voxel(rows, 0, rows.size(), options.voxel_m);
  std::vector<std::int64_t> voxel(static_cast<std::size_t>(rows.size()));
  for (std::int64_t v = 0; v < groups.count(); ++v) {
    for (std::int64_t i = groups.first[std::size_t(v)]; i < groups.first[std::size_t(v) + 1]; ++i) {
      voxel[std::size_t(groups.rows[std::size_t(i)])] = v;
    }
  }
  const auto two_views = [&](std::int64_t a, std::int64_t b) {
    return rows.view[std::size_t(a)] != rows.view[std::size_t(b)];
  };
  const auto apart = [&](std::int64_t a, std::int64_t b) {
    return voxel[std::size_t(a)] != voxel[std::size_t(b)];
  };
  const auto unrelated = [&](std::int64_t a, std::int64_t b) {
    const auto p = rows.point(a), q = rows.point(b);
    return std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) > options.unrelated_m;
  };
  const auto search = [&](Kind kind, const auto& wanted) {
    return [&, kind](std::int64_t pair) -> std::pair<std::int64_t, std::int64_t> {
      for (std::uint32_t attempt = 0; attempt < kAttempts; ++attempt) {
        const PhiloxCounter words = draw(options.seed, pair, attempt, kind);
        const std::int64_t a = below(words[0], words[1], rows.size());
        const std::int64_t b = below(words[2], words[3], rows.size());
        if (two_views(a, b) && wanted(a, b)) return {a, b};
      }
      return {-1, -1};
    };
  };
  const SamePairs pairs(rows, groups);
  const std::int64_t count = options.pairs / 2;
  const auto same =
      cosines(rows, pairs.total() > 0 ? count : 0, options.threads, [&](std::int64_t pair) {
        const auto words = draw(options.seed, pair, 0, Kind::kSame);
        return pairs.at(below(words[0], words[1], pairs.total()));
      });
  // Nothing is searched for where there cannot be any.
  const bool views = rows.size() > 0 && two_views(0, rows.size() - 1);  // rows are ordered by view
  const auto different = cosines(rows, views && groups.count() > 1 ? count : 0, options.threads,
                                 search(Kind::kDifferent, apart));
  const auto far = cosines(rows, views && diagonal(rows) > options.unrelated_m ? count : 0,
                           options.threads, search(Kind::kUnrelated, unrelated));
  Separation out;
  out.auc = auc(same, different);
  out.same_pairs = static_cast<std::int64_t>(same.size());
  out.different_pairs = static_cast<std::int64_t>(different.size());
  out.unrelated_pairs = static_cast<std::int64_t>(far.size());
  out.mean_same = mean(same);
  out.mean_different = mean(different);
  out.mean_unrelated = mean(far);
  return out;
}

}  // namespace vega
