// What the losses of a step are divided by.
#include "train/division.h"

#include <catch2/catch.hpp>

using namespace vega::train;

namespace {

// The loss of a step whose samples have these mean losses.
double step_loss(const std::vector<std::vector<Counted>>& batches,
                 const std::vector<std::vector<double>>& losses, Division division) {
  const auto weights = divided(batches, division);
  double out = 0;
  for (std::size_t b = 0; b < batches.size(); ++b)
    for (std::size_t i = 0; i < batches[b].size(); ++i)
      out += weights[b][i] * static_cast<double>(batches[b][i].targets) * losses[b][i];
  return out;
}

}  // namespace

TEST_CASE(
    "1 target with loss 2 and 99 with loss 1: the token mean is 1.01, the mean of means 1.5") {
  const Counted one{1, false}, many{99, false};
  // As one batch, and by accumulation.
  CHECK(step_loss({{one, many}}, {{2, 1}}, Division::kToken) == Approx(1.01).epsilon(1e-12));
  CHECK(step_loss({{one}, {many}}, {{2}, {1}}, Division::kToken) == Approx(1.01).epsilon(1e-12));
  CHECK(divided({{one, many}}, Division::kToken)[0][1] ==
        divided({{one}, {many}}, Division::kToken)[1][0]);
  CHECK(step_loss({{one}, {many}}, {{2}, {1}}, Division::kReleased) == Approx(1.5).epsilon(1e-12));
  CHECK(step_loss({{one, many}}, {{2, 1}}, Division::kReleased) == Approx(1.01).epsilon(1e-12));
}

TEST_CASE("grounding is a mean over samples, and stands beside words by its share of the samples") {
  const Counted word{10, false}, ground{1, true};
  CHECK(step_loss({{ground, ground, ground}}, {{3, 6, 0}}, Division::kToken) == Approx(3));
  CHECK(step_loss({{word, ground}, {ground, word}}, {{1, 5}, {7, 3}}, Division::kToken) ==
        Approx((2 * 2.0 + 2 * 6.0) / 4));
  CHECK(step_loss({{ground}, {ground, ground}}, {{3}, {6, 0}}, Division::kReleased) == Approx(3));
}

TEST_CASE("samples without targets count nothing") {
  const Counted none{0, false}, word{4, false};
  for (const Division division : {Division::kToken, Division::kReleased}) {
    CHECK(step_loss({{none}, {word}}, {{0}, {2.5}}, division) == Approx(2.5));
    CHECK(divided({{none}}, division)[0][0] == 0);
  }
}
