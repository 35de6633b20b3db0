#include "correspondence/voxel_score.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/parallel.h"
#include "correspondence/loops.h"
#include "correspondence/statistics.h"
#include "correspondence/voxels.h"

namespace vega {
namespace {

constexpr std::size_t kVoxelsAtOnce = 64;

// Sum of the unit features of rows[begin, end).
void sum_rows(const TokenRows& rows, const std::int64_t* begin, const std::int64_t* end,
              std::vector<double>& sum) {
  std::fill(sum.begin(), sum.end(), 0.0);
  for (; begin != end; ++begin) correspondence::add(sum.data(), rows.row(*begin), rows.channels);
}

// 1 / max(norm of the mean, floor), for the sum of n vectors; times the sum, it makes the mean's
// unit vector.
double unit_factor(double square_of_sum, std::int64_t n) {
  const auto count = static_cast<double>(n);
  return 1 / std::max(std::sqrt(square_of_sum) / count, correspondence::kLeastNorm) / count;
}

}  // namespace

PairScore pair_score(const TokenRows& rows, std::int64_t a, std::int64_t b, double voxel_m,
                     EmptyPair empty) {
  if (a < 0 || b < 0 || a >= rows.views() || b >= rows.views() || a >= b) {
    throw InputError(explain("correspondence: pair of views",
                             std::to_string(a) + ", " + std::to_string(b),
                             "two in ascending order of " + std::to_string(rows.views())));
  }
  const auto first = [&](std::int64_t v) { return rows.first[std::size_t(v)]; };
  PairScore out{a, b, kNoScore, first(a + 1) - first(a), first(b + 1) - first(b)};
  out.map_a.assign(static_cast<std::size_t>(rows.cells), std::numeric_limits<float>::quiet_NaN());
  out.map_b = out.map_a;
  if (out.valid_a + out.valid_b == 0 && empty == EmptyPair::kError) {
    throw InputError(
        explain("correspondence: views " + std::to_string(a) + " and " + std::to_string(b),
                "no valid token in either", "depth in one of them at least",
                "leave the views out, or lower the least valid share"));
  }
  // The two views side by side, as a scene of their own would be: only these decide the origin.
  TokenRows both;
  std::vector<std::int64_t> source;
  for (const std::int64_t v : {a, b}) {
    for (std::int64_t i = first(v); i < first(v + 1); ++i) {
      source.push_back(i);
      both.world.insert(both.world.end(), &rows.world[std::size_t(i) * 3],
                        &rows.world[std::size_t(i) * 3] + 3);
    }
  }
  VoxelGroups groups = group_by_voxel(both, 0, static_cast<std::int64_t>(source.size()), voxel_m);
  for (std::int64_t& row : groups.rows) row = source[std::size_t(row)];
  out.either = groups.count();
  std::vector<double> sum_a(std::size_t(rows.channels)), sum_b(std::size_t(rows.channels));
  double total = 0;
  for (std::int64_t v = 0; v < groups.count(); ++v) {
    const std::int64_t* begin = groups.rows.data() + groups.first[std::size_t(v)];
    const std::int64_t* end = groups.rows.data() + groups.first[std::size_t(v) + 1];
    const std::int64_t* middle = std::lower_bound(begin, end, first(b));
    if (middle == begin || middle == end) continue;
    sum_rows(rows, begin, middle, sum_a);
    sum_rows(rows, middle, end, sum_b);
    const double fa =
        unit_factor(correspondence::square_sum(sum_a.data(), rows.channels), middle - begin);
    const double fb =
        unit_factor(correspondence::square_sum(sum_b.data(), rows.channels), end - middle);
    const double s = correspondence::dot(sum_a.data(), sum_b.data(), rows.channels) * fa * fb;
    total += s;
    ++out.shared;
    for (const std::int64_t* i = begin; i != end; ++i) {
      auto& map = i < middle ? out.map_a : out.map_b;
      map[static_cast<std::size_t>(rows.cell[std::size_t(*i)])] = static_cast<float>(s);
    }
  }
  if (out.shared > 0) out.score = total / static_cast<double>(out.shared);
  return out;
}

AdjacentScore adjacent_score(const TokenRows& rows, double voxel_m, int threads, EmptyPair empty) {
  AdjacentScore out;
  out.pairs.resize(static_cast<std::size_t>(std::max<std::int64_t>(0, rows.views() - 1)));
  parallel_for(out.pairs.size(), threads, [&](std::size_t i) {
    const auto a = static_cast<std::int64_t>(i);
    out.pairs[i] = pair_score(rows, a, a + 1, voxel_m, empty);
  });
  std::vector<double> scores;
  for (const PairScore& pair : out.pairs) scores.push_back(pair.score);
  const Spread spread = spread_of(scores);
  out.score = spread.mean;
  out.spread = spread.deviation;
  out.finite_pairs = spread.count;
  return out;
}

namespace {

// s of one voxel, and the number of its views.
struct VoxelSimilarity {
  double s = kNoScore;
  std::int64_t views = 0;
};

VoxelSimilarity similarity(const TokenRows& rows, const std::int64_t* begin,
                           const std::int64_t* end, std::vector<double>& sum,
                           std::vector<double>& all) {
  const auto view = [&](const std::int64_t* i) { return rows.view[std::size_t(*i)]; };
  VoxelSimilarity out;
  if (view(begin) == view(end - 1)) {  // ascending
    out.views = 1;
    return out;
  }
  std::fill(all.begin(), all.end(), 0.0);
  double squares = 0;  // sum |f|^2: below the number of views where a mean is zero
  for (const std::int64_t* i = begin; i != end;) {
    const std::int64_t* next = i;
    while (next != end && view(next) == view(i)) ++next;
    sum_rows(rows, i, next, sum);
    const double square = correspondence::square_sum(sum.data(), rows.channels);
    const double factor = unit_factor(square, next - i);
    correspondence::add_scaled(all.data(), factor, sum.data(), rows.channels);
    squares += square * factor * factor;
    ++out.views;
    i = next;
  }
  const auto m = static_cast<double>(out.views);
  out.s = (correspondence::square_sum(all.data(), rows.channels) - squares) / (m * (m - 1));
  return out;
}

}  // namespace

MultiViewScore multi_view_score(const TokenRows& rows, double voxel_m, int threads) {
  const VoxelGroups groups = group_by_voxel(rows, 0, rows.size(), voxel_m);
  const auto voxels = static_cast<std::size_t>(groups.count());
  std::vector<VoxelSimilarity> each(voxels);
  parallel_for((voxels + kVoxelsAtOnce - 1) / kVoxelsAtOnce, threads, [&](std::size_t k) {
    std::vector<double> sum(std::size_t(rows.channels)), all(std::size_t(rows.channels));
    for (std::size_t v = k * kVoxelsAtOnce; v < std::min(voxels, (k + 1) * kVoxelsAtOnce); ++v) {
      each[v] = similarity(rows, groups.rows.data() + groups.first[v],
                           groups.rows.data() + groups.first[v + 1], sum, all);
    }
  });
  MultiViewScore out;
  out.voxels = groups.count();
  out.map.assign(static_cast<std::size_t>(rows.views() * rows.cells),
                 std::numeric_limits<float>::quiet_NaN());
  double total = 0, by_pairs = 0;
  for (std::size_t v = 0; v < voxels; ++v) {
    out.most_views = std::max(out.most_views, each[v].views);
    if (each[v].views < 2) continue;
    const std::int64_t pairs = each[v].views * (each[v].views - 1) / 2;
    total += each[v].s;
    by_pairs += each[v].s * static_cast<double>(pairs);
    out.pairs += pairs;
    ++out.shared;
    for (std::int64_t i = groups.first[v]; i < groups.first[v + 1]; ++i) {
      const auto row = static_cast<std::size_t>(groups.rows[std::size_t(i)]);
      out.map[static_cast<std::size_t>(rows.view[row] * rows.cells + rows.cell[row])] =
          static_cast<float>(each[v].s);
    }
  }
  out.score = out.shared > 0 ? total / static_cast<double>(out.shared) : kNoScore;
  out.score_by_pairs = out.pairs > 0 ? by_pairs / static_cast<double>(out.pairs) : kNoScore;
  return out;
}

}  // namespace vega
