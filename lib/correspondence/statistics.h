// Means that leave out what is not finite, and ranks.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace vega {

// The value of a score where nothing was measured.
inline constexpr double kNoScore = std::numeric_limits<double>::quiet_NaN();

// Over the finite values.
struct Spread {
  double mean = 0;       // NaN when no value is finite
  double deviation = 0;  // of the sample (divisor n - 1); NaN when there are fewer than two values
  double error = 0;      // of the mean: deviation / sqrt(n)
  std::int64_t count = 0;
};
Spread spread_of(std::span<const double> values);

// Area under the ROC curve: the share of (positive, negative) pairs in which the positive is
// larger, ties counting one half. NaN when either is empty or anything is NaN.
double auc(std::span<const float> positive, std::span<const float> negative);

}  // namespace vega
