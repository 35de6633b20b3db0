// Quantiles, interpolated linearly between order statistics as numpy.quantile does by default.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <span>
#include <vector>

namespace vega {

// The `share` quantile (0..1) of ascending numbers; NaN without one.
template <typename T>
double quantile_of_sorted(const std::vector<T>& sorted, double share) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const double next = sorted[std::min(below + 1, sorted.size() - 1)];
  return sorted[below] + (next - sorted[below]) * (at - static_cast<double>(below));
}

// Of the finite values in any order; NaN without one.
inline double quantile(std::span<const float> values, double share) {
  std::vector<float> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](float v) { return std::isfinite(v); });
  std::sort(finite.begin(), finite.end());
  return quantile_of_sorted(finite, share);
}

}  // namespace vega
