#include "base/quantile.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace vega;

TEST_CASE("quantiles of finite values, interpolated") {
  const float values[] = {4, std::numeric_limits<float>::quiet_NaN(), 0, 2, 1};
  CHECK(quantile(values, 0) == 0);
  CHECK(quantile(values, 1) == 4);
  CHECK(quantile(values, 0.5) == 1.5);
  CHECK(std::isnan(quantile(std::span<const float>{}, 0.5)));
}

TEST_CASE("quantiles of sorted numbers are numpy's") {
  // numpy.quantile([1, 2, 4, 8], [0.01, 0.5, 0.99])
  const std::vector<double> sorted = {1, 2, 4, 8};
  CHECK(quantile_of_sorted(sorted, 0.01) == Approx(1.03).epsilon(1e-14));
  CHECK(quantile_of_sorted(sorted, 0.5) == 3);
  CHECK(quantile_of_sorted(sorted, 0.99) == Approx(7.88).epsilon(1e-14));
  CHECK(std::isnan(quantile_of_sorted(std::vector<double>{}, 0.5)));
}
