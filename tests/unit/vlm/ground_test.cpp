// Object features and losses against loops in double.
#include "vlm/ground.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"

using namespace vega;
using namespace vega::vlm;

namespace {

GroundHead head_of(GroundType type, bool grad = false) {
  GroundConfig config;
  config.type = type;
  config.width = 8;
  config.inner = 6;
  return {config, initial_values(ground_specs(config), kGroundPrefix, 3), {}, grad};
}

}  // namespace

TEST_CASE("ground: objects are means of their cells; those without a cell are 0") {
  at::manual_seed(1);
  const at::Tensor tokens = at::randn({20, 4});
  at::Tensor selected = at::zeros({3, 20});
  for (const int cell : {1, 2, 19}) selected[0][cell] = 1;
  selected[2][7] = 1;
  const at::Tensor got = object_features(tokens, selected, at::kFloat);
  const at::Tensor mean = (tokens[1] + tokens[2] + tokens[19]) / 3;
  CHECK((got[0] - mean).abs().max().item<float>() < 1e-6);
  CHECK(got[1].abs().max().item<float>() == 0);
  CHECK(at::equal(got[2], tokens[7]));
  const at::Tensor rounded = object_features(tokens.to(at::kBFloat16), selected, at::kBFloat16);
  CHECK(rounded.scalar_type() == at::kFloat);
  CHECK(at::equal(rounded.to(at::kBFloat16).to(at::kFloat), rounded));
}

TEST_CASE("ground: the contrastive loss has the positives within the logarithm") {
  const GroundHead head = head_of(GroundType::kInfoNce);
  const at::Tensor scores = at::tensor({0.3F, -0.2F, 0.8F, 0.1F});
  const double t = 0.07;
  const auto e = [&](double s) { return std::exp(s / t); };
  const double all = e(0.3F) + e(-0.2F) + e(0.8F) + e(0.1F);
  const auto loss = [&](std::vector<std::int64_t> places) {
    return head.loss(scores, places).item<double>();
  };
  CHECK(loss({0, 2}) == Approx(-std::log((e(0.3F) + e(0.8F)) / all)).margin(1e-5));
  CHECK(loss({0, 0, 2}) == Approx(-std::log((2 * e(0.3F) + e(0.8F)) / all)).margin(1e-5));
  CHECK(loss({}) == Approx(-std::log(e(0.1F) / all)).margin(1e-5));  // the zero target
  CHECK_THROWS_AS(loss({3}), InputError);                            // it is no object
  // Scores that differ a lot: finite where exp would not be.
  CHECK(std::isfinite(
      head.loss(at::tensor({60.0F, -60.0F}), std::vector<std::int64_t>{}).item<double>()));
}

TEST_CASE("ground: the other heads weigh positives against the rest") {
  const GroundHead head = head_of(GroundType::kMlp);
  const at::Tensor scores = at::tensor({0.5F, -1.0F, 2.0F});
  const auto log1p = [](double x) { return std::log1p(std::exp(x)); };
  const std::vector<std::int64_t> first = {0}, none;
  const double expected = (2 * log1p(-0.5) + log1p(-1.0) + log1p(2.0)) / 3;
  CHECK(head.loss(scores, first).item<double>() == Approx(expected).margin(1e-6));
  const double all_wrong = (log1p(0.5) + log1p(-1.0) + log1p(2.0)) / 3;
  CHECK(head.loss(scores, none).item<double>() == Approx(all_wrong).margin(1e-6));
}

TEST_CASE("ground: gradients reach every parameter of the head") {
  for (const GroundType type : {GroundType::kInfoNce, GroundType::kMlp, GroundType::kScore}) {
    const GroundHead head = head_of(type, true);
    at::manual_seed(2);
    const std::vector<std::int64_t> positives = {1};
    head.loss(head.scores(at::randn({4, 8}), at::randn({8})), positives).backward();
    for (const auto& [name, value] : head.parameters()) {
      INFO(name);
      CHECK(value.grad().defined());
    }
  }
}

TEST_CASE("ground: without objects only the zero target is scored") {
  const GroundHead head = head_of(GroundType::kInfoNce);
  CHECK(head.scores(at::zeros({0, 8}), at::ones({8})).sizes() == at::IntArrayRef({1}));
  CHECK_THROWS_AS(head.scores(at::zeros({2, 7}), at::ones({8})), InputError);
}
