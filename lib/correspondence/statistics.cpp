#include "correspondence/statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace vega {

Spread spread_of(std::span<const double> values) {
  Spread out{kNoScore, kNoScore, kNoScore, 0};
  double sum = 0;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    sum += v;
    ++out.count;
  }
  if (out.count == 0) return out;
  out.mean = sum / static_cast<double>(out.count);
  if (out.count == 1) return out;
  double squares = 0;
  for (const double v : values) {
    if (std::isfinite(v)) squares += (v - out.mean) * (v - out.mean);
  }
  out.deviation = std::sqrt(squares / static_cast<double>(out.count - 1));
  out.error = out.deviation / std::sqrt(static_cast<double>(out.count));
  return out;
}

double auc(std::span<const float> positive, std::span<const float> negative) {
  const auto nan = [](float v) { return std::isnan(v); };
  if (positive.empty() || negative.empty() || std::any_of(positive.begin(), positive.end(), nan) ||
      std::any_of(negative.begin(), negative.end(), nan)) {
    return kNoScore;
  }
  std::vector<float> sorted(negative.begin(), negative.end());
  std::sort(sorted.begin(), sorted.end());
  // In halves: below counts two, equal counts one. Integers, so that the order does not matter.
  std::int64_t halves = 0;
  for (const float p : positive) {
    const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), p);
    halves += 2 * (low - sorted.begin()) + (high - low);
  }
  return static_cast<double>(halves) / 2 / static_cast<double>(positive.size()) /
         static_cast<double>(negative.size());
}

}  // namespace vega
