#include "metrics/intervals.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/philox.h"
#include "base/quantile.h"

namespace vega::metrics {
namespace {

constexpr double kNormal = 1.959963984540054;  // 97.5 % point of the normal distribution
constexpr double kPower = 0.8416212335729143;  // 80 %

// Draws of one resampling: uniform whole numbers below `below`, a function of seed, use, draw and
// place.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint32_t use, std::uint32_t draw)
      : key_(philox_key(seed)), use_(use), draw_(draw) {}

  std::uint32_t word() {
    if (at_ == 4) {
      block_ = philox4x32({place_++, draw_, use_, 0}, key_);
      at_ = 0;
    }
    return block_[at_++];
  }
  std::size_t below(std::size_t most) {
    return static_cast<std::size_t>((static_cast<std::uint64_t>(word()) * most) >> 32);
  }

 private:
  PhiloxKey key_;
  std::uint32_t use_, draw_, place_ = 0;
  PhiloxCounter block_{};
  int at_ = 4;
};

constexpr std::uint32_t kBootstrap = 1, kPermutation = 2;

}  // namespace

const double kDetectable = kNormal + kPower;

// One and two degrees of freedom have closed forms; from 3 on the expansion of Cornish and Fisher
// is within 1 %.
double student_975(double degrees) {
  if (std::isinf(degrees)) return kNormal;
  if (degrees < 1.5) return 12.706204736432095;
  if (degrees < 2.5) return 4.302652729911275;
  const double z = kNormal, n = degrees;
  const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

Interval wilson(std::int64_t hits, std::int64_t total) {
  return wilson_share(static_cast<double>(hits) / static_cast<double>(total),
                      static_cast<double>(total));
}

Interval wilson_share(double p, double n) {
  const double z2 = kNormal * kNormal;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kNormal / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {p <= 0 ? 0 : middle - half, p >= 1 ? 1 : middle + half};
}

Clusters clusters_of(std::span<const std::string> names) {
  Clusters out;
  std::map<std::string_view, std::size_t> numbers;
  for (const std::string& name : names)
    out.cluster.push_back(numbers.try_emplace(name, numbers.size()).first->second);
  out.count = numbers.size();
  return out;
}

Clusters one_each(std::size_t questions) {
  Clusters out;
  out.count = questions;
  for (std::size_t i = 0; i < questions; ++i) out.cluster.push_back(i);
  return out;
}

Interval bootstrap_clusters(std::size_t clusters, const Bootstrap& settings,
                            const std::function<double(std::span<const int> drawn)>& statistic,
                            double* deviation) {
  std::vector<double> values;
  std::vector<int> drawn(clusters);
  for (int draw = 0; draw < settings.draws; ++draw) {
    Draws draws(settings.seed, kBootstrap, static_cast<std::uint32_t>(draw));
    std::fill(drawn.begin(), drawn.end(), 0);
    for (std::size_t c = 0; c < clusters; ++c) ++drawn[draws.below(clusters)];
    const double value = statistic(drawn);
    if (std::isfinite(value)) values.push_back(value);
  }
  if (values.empty()) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    return {none, none};
  }
  std::sort(values.begin(), values.end());
  if (deviation != nullptr) {
    double sum = 0, squares = 0;
    for (const double value : values) sum += value;
    const double mean = sum / static_cast<double>(values.size());
    for (const double value : values) squares += (value - mean) * (value - mean);
    *deviation = std::sqrt(squares / static_cast<double>(values.size()));
  }
  Interval out{quantile_of_sorted(values, 0.025), quantile_of_sorted(values, 0.975)};
  // A resampling of few clusters is too sure of itself: widen about the whole sample's value by
  // what Student's t and the division by n - 1 make of the normal distribution.
  if (clusters > 1) {
    const std::vector<int> once(clusters, 1);
    const double centre = statistic(once);
    const double n = static_cast<double>(clusters);
    const double wider = student_975(n - 1) / kNormal * std::sqrt(n / (n - 1));
    if (std::isfinite(centre)) {
      out.low = centre + (out.low - centre) * wider;
      out.high = centre + (out.high - centre) * wider;
    }
  }
  return out;
}

Interval bootstrap(const Clusters& clusters, const Bootstrap& settings,
                   const std::function<double(std::span<const int> drawn)>& statistic) {
  std::vector<int> questions(clusters.cluster.size());
  return bootstrap_clusters(clusters.count, settings, [&](std::span<const int> drawn) {
    for (std::size_t i = 0; i < questions.size(); ++i) questions[i] = drawn[clusters.cluster[i]];
    return statistic(questions);
  });
}

void permute(std::size_t moving, const Bootstrap& settings,
             const std::function<bool(std::span<const char> signs)>& as_large, PairedTest& out) {
  constexpr std::size_t kFew = 16;
  std::vector<char> signs(moving, 0);
  if (moving <= kFew) {  // all ways
    const std::uint64_t all = std::uint64_t{1} << moving;
    std::uint64_t count = 0;
    for (std::uint64_t way = 0; way < all; ++way) {
      for (std::size_t c = 0; c < moving; ++c) signs[c] = static_cast<char>(way >> c & 1);
      count += as_large(signs) ? 1 : 0;
    }
    out.p = static_cast<double>(count) / static_cast<double>(all);
    out.smallest_p = std::min(1.0, 2.0 / static_cast<double>(all));
    return;
  }
  const int draws = std::max(settings.draws, 9999);
  int count = 1;  // the systems as they are
  for (int draw = 0; draw < draws; ++draw) {
    Draws random(settings.seed, kPermutation, static_cast<std::uint32_t>(draw));
    std::uint32_t bits = 0;
    for (std::size_t c = 0; c < moving; ++c) {
      if (c % 32 == 0) bits = random.word();
      signs[c] = static_cast<char>(bits >> (c % 32) & 1);
    }
    count += as_large(signs) ? 1 : 0;
  }
  out.p = static_cast<double>(count) / static_cast<double>(draws + 1);
  out.smallest_p = 1 / static_cast<double>(draws + 1);
}

}  // namespace vega::metrics
