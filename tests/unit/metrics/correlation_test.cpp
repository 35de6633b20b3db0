#include "metrics/correlation.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

using namespace vega::metrics;

TEST_CASE("Pearson and Spearman of known numbers") {
  // scipy.stats.pearsonr, spearmanr.
  const std::vector<double> x = {96.4, 95.9, 90, 71, 84, 88, 93, 94.9};
  const std::vector<double> y = {60.1, 59.8, 57, 52, 55.2, 56.1, 58.5, 59.6};
  CHECK(pearson(x, y) == Approx(0.981299894441568).epsilon(1e-12));
  CHECK(spearman(x, y) == Approx(1).epsilon(1e-12));
  const std::vector<double> ties = {1, 2, 2, 3, 3, 3, 4, 0};
  CHECK(pearson(x, ties) == Approx(-0.46629865702480144).epsilon(1e-12));
  CHECK(spearman(x, ties) == Approx(-0.6260614855788014).epsilon(1e-12));
}

TEST_CASE("a line is 1, downwards -1, exactly") {
  const std::vector<double> x = {1, 2, 3, 4}, up = {10, 20, 30, 40}, down = {9, 7, 5, 3};
  CHECK(pearson(x, up) == 1);
  CHECK(pearson(x, down) == -1);
  CHECK(spearman(x, down) == -1);
}

TEST_CASE("nothing is made up for one pair or for a list that does not vary") {
  const std::vector<double> one = {1}, same = {2, 2, 2}, x = {1, 2, 3};
  CHECK(std::isnan(pearson(one, one)));
  CHECK(std::isnan(pearson({}, {})));
  CHECK(std::isnan(spearman(x, same)));
}
