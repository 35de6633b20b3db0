// How two lists of numbers go together.
#pragma once

#include <span>

namespace vega::metrics {

// Pearson's r. NaN: fewer than two pairs, or one of the lists does not vary.
double pearson(std::span<const double> x, std::span<const double> y);

// Spearman's rho: Pearson's r of the ranks; equal numbers share the mean of their ranks.
double spearman(std::span<const double> x, std::span<const double> y);

}  // namespace vega::metrics
