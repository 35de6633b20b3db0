// Ridge regression from sums against scikit-learn (tests/golden/export_probe.py), and what must not
// matter: how rows are cut into calls, threads, columns that say nothing.
#include "probe/ridge.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "core/tensor.h"
#include "probe/space_scores.h"
#include "support/support.h"
#include "weights/safetensors.h"

using namespace vega;

namespace {

const TensorSet& goldens() {
  static const TensorSet set = read_safetensors(test::golden("probe.safetensors"));
  return set;
}

at::Tensor golden_rows(const std::string& name) { return owned_float_from(goldens().at(name)); }

std::vector<std::int32_t> golden_labels(const std::string& name) {
  const TensorView& view = goldens().at(name);
  std::vector<std::int32_t> out(view.bytes() / sizeof(std::int32_t));
  std::memcpy(out.data(), view.data, view.bytes());
  return out;
}

RidgeRule golden_rule() { return {1e-3, {0, 1, 2, 3}}; }

RidgeSums golden_sums(bool exact, std::int64_t a_call = 1000, int threads = 1) {
  const at::Tensor x = golden_rows("fit.x"), y = golden_rows("fit.y");
  const auto labels = golden_labels("fit.label");
  RidgeSums sums(x.size(1), y.size(1), exact);
  for (std::int64_t begin = 0; begin < x.size(0); begin += a_call) {
    const std::int64_t end = std::min(x.size(0), begin + a_call);
    sums.add(x.slice(0, begin, end), y.slice(0, begin, end),
             std::span(labels).subspan(std::size_t(begin), std::size_t(end - begin)), threads);
  }
  return sums;
}

double farthest(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace

TEST_CASE("predictions are scikit-learn's", "[ridge]") {
  // Outputs are of order 1. With float64 sums float32 rounding of the prediction is left: 13 terms,
  // the largest 1000 columns' deviation times a weight, so some 1e-5. Blocks of float32 add 2e-6
  // (a block's relative error) over the strength of 1e-3, at most, in directions that say little.
  const bool exact = GENERATE(true, false);
  const RidgeSums sums = golden_sums(exact);
  const at::Tensor test = golden_rows("test.x");
  const double tolerance = exact ? 2e-5 : 1e-4;
  CHECK(farthest(sums.fit(12, golden_rule()).predict(test), golden_rows("all.found")) < tolerance);
  CHECK(farthest(sums.fit(3, golden_rule()).predict(test), golden_rows("place.found")) < tolerance);
}

TEST_CASE("scores are those of sklearn.metrics", "[ridge]") {
  const RidgeSums sums = golden_sums(true);
  const at::Tensor x = golden_rows("test.x"), y = golden_rows("test.y");
  const auto labels = golden_labels("test.label");
  for (const auto& [name, columns] : {std::pair("all", 12), std::pair("place", 3)}) {
    const at::Tensor found = sums.fit(columns, golden_rule()).predict(x).contiguous();
    std::vector<SpaceSums> scenes(2, SpaceSums(4));
    for (std::size_t i = 0; i < labels.size(); ++i)
      scenes[i % 2].add(y.const_data_ptr<float>() + 5 * i, found.const_data_ptr<float>() + 9 * i,
                        labels[i], found.const_data_ptr<float>() + 9 * i + 5);
    const at::Tensor expected = golden_rows(std::string(name) + ".scores");
    const int once[] = {1, 1};
    for (std::size_t m = 0; m < kSpaceMeasureCount; ++m) {
      INFO(name << " " << kSpaceMeasures[m].name);
      CHECK(measure_space(kSpaceMeasures[m].value, scenes, once) ==
            Approx(expected[std::int64_t(m)].item<double>()).epsilon(1e-5));
    }
  }
}

TEST_CASE("neither calls nor threads change the fit", "[ridge]") {
  const at::Tensor test = golden_rows("test.x");
  const at::Tensor whole = golden_sums(true).fit(12, golden_rule()).predict(test);
  CHECK(farthest(golden_sums(true, 37).fit(12, golden_rule()).predict(test), whole) < 2e-5);
  // 1100 columns are three panels, and six products.
  at::Tensor x = at::rand({300, 1100}), y = at::rand({300, 5});
  const std::vector<std::int32_t> none(300, -1);
  std::vector<at::Tensor> found;
  for (const int threads : {1, 3}) {
    RidgeSums sums(1100, 5, false);
    sums.add(x, y, none, threads);
    found.push_back(sums.fit(1100, {1e-2, {}}).predict(x));
  }
  CHECK(at::equal(found[0], found[1]));
}

TEST_CASE("blocks of float32 are as exact as docs/probe.md says", "[ridge]") {
  // 600 columns that hang together (12 causes and a little noise), far from 0, two blocks of rows.
  constexpr std::int64_t kRows = 4000, kColumns = 600;
  const at::Tensor causes = at::randn({kRows, 12});
  const at::Tensor x = at::matmul(causes, at::randn({12, kColumns})) +
                       0.1 * at::randn({kRows, kColumns}) + 5 * at::randn({kColumns});
  const at::Tensor y = at::cat({causes.slice(1, 0, 4), at::randn({kRows, 1})}, 1).contiguous();
  const std::vector<std::int32_t> none(kRows, -1);
  for (const double strength : {1e-3, 1e-4}) {
    std::vector<at::Tensor> found;
    for (const bool exact : {true, false}) {
      RidgeSums sums(kColumns, 5, exact);
      sums.add(x, y, none, 2);
      found.push_back(sums.fit(kColumns, {strength, {}}).predict(x));
    }
    const double distance = (found[0] - found[1]).square().mean().sqrt().item<double>();
    const double bound = 1.6e-6 * std::sqrt(kColumns) / (2 * strength) / std::sqrt(2.0);
    INFO("strength " << strength << ": " << distance << " of at most " << bound);
    CHECK(distance < bound);  // the targets' deviation is 1
    CHECK(distance < 0.02 * bound);
  }
}

TEST_CASE("panels beyond the first are summed", "[ridge]") {
  // One column says everything; it stands in the last panel.
  at::Tensor x = at::rand({2000, 1030}), y = at::rand({2000, 5});
  y.select(1, 0).copy_(3 * x.select(1, 1029));
  RidgeSums sums(1030, 5, false);
  sums.add(x, y, std::vector<std::int32_t>(2000, -1), 2);
  const at::Tensor fresh = at::rand({100, 1030});
  const at::Tensor found = sums.fit(1030, {1e-5, {}}).predict(fresh).select(1, 0);
  CHECK(farthest(found, 3 * fresh.select(1, 1029)) < 1e-2);
}

TEST_CASE("a constant column has no weight", "[ridge]") {
  for (const bool exact : {true, false}) {
    const RidgeFit fit = golden_sums(exact).fit(12, golden_rule());
    CHECK(fit.weight[3].abs().max().item<double>() == 0);
    CHECK(fit.weight[4].abs().max().item<double>() > 0);  // far from 0, and not constant
  }
}

TEST_CASE("what is no fit is refused", "[ridge]") {
  RidgeSums sums(2, 5, true);
  CHECK_THROWS_AS(sums.fit(2, {}), InputError);
  CHECK_THROWS_AS(sums.add(at::rand({3, 4}), at::rand({3, 5}), std::vector<std::int32_t>(3), 1),
                  InputError);
  CHECK_THROWS_AS(sums.add(at::rand({3, 2}), at::rand({3, 5}), std::vector<std::int32_t>(2), 1),
                  InputError);
  sums.add(at::rand({3, 2}), at::rand({3, 5}), std::vector<std::int32_t>(3, 1), 1);
  CHECK_THROWS_AS(sums.fit(2, {0, {}}), InputError);
  CHECK(sums.rows_of(1) == 3);
  CHECK(sums.rows_of(0) == 0);
}
