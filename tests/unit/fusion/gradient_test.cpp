// Gradients by central differences in double.
#include <ATen/Parallel.h>

#include <c10/core/GradMode.h>
#include <catch2/catch.hpp>
#include <cmath>

#include "fusion_samples.h"

using namespace vega;

namespace {

// Errors of a central difference: step^2 times a third derivative of order 1, and 2^-53 / step of
// rounding in a sum of order 100. Both are about 1e-8 here.
constexpr double kStep = 1e-4, kGradientBar = 2e-7;

struct Sample {
  Fusion fusion;
  at::Tensor s, g, up;
  FusionInputs inputs;

  double loss() const {
    const c10::NoGradGuard guard;
    return (fusion.forward(s.detach(), g.detach(), inputs) * up).sum().item<double>();
  }
};

Sample sample_of(const test::FusionCase& item) {
  const std::string at = item.place();
  Sample sample{item.module(at::kDouble),
                test::leaf(test::golden_tensor(at + ".s"), at::kDouble),
                test::leaf(test::golden_tensor(at + ".g"), at::kDouble),
                test::golden_tensor(at + ".up").to(at::kDouble),
                {}};
  if (test::fusion_golden().find(at + ".c")) {
    sample.inputs.instruction = test::leaf(test::golden_tensor(at + ".c"), at::kDouble);
  }
  return sample;
}

// The tensors are too small to share.
struct OneThread {
  int before = at::get_num_threads();
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before); }
};

// Every n-th element of a leaf.
double worst_difference(const Sample& sample, const at::Tensor& leaf, std::int64_t every) {
  const at::Tensor value = leaf.detach();  // shares memory
  const at::Tensor gradient = leaf.grad().defined() ? leaf.grad() : at::zeros_like(value);
  auto* numbers = value.data_ptr<double>();
  const auto* slopes = gradient.data_ptr<double>();
  double worst = 0;
  for (std::int64_t i = 0; i < value.numel(); i += every) {
    const double kept = numbers[i];
    numbers[i] = kept + kStep;
    const double above = sample.loss();
    numbers[i] = kept - kStep;
    const double below = sample.loss();
    numbers[i] = kept;
    const double slope = (above - below) / (2 * kStep);
    const double apart = std::abs(slope - slopes[i]) / (1 + std::abs(slopes[i]));
    if (!(apart <= worst)) worst = apart;  // NaN stays
  }
  return worst;
}

}  // namespace

TEST_CASE("fusion: gradients are central differences, in double") {
  const OneThread guard;
  for (const auto& item : test::fusion_cases()) {
    Sample sample = sample_of(item);
    if (item.method == "cross_attention")  // the masks stay, by seed
      sample.inputs.dropout = DropoutKey{.seed = 5};
    (sample.fusion.forward(sample.s, sample.g, sample.inputs) * sample.up).sum().backward();
    CAPTURE(item.label);
    CHECK(worst_difference(sample, sample.s, 23) < kGradientBar);
    CHECK(worst_difference(sample, sample.g, 23) < kGradientBar);
    if (sample.inputs.instruction.defined()) {
      CHECK(worst_difference(sample, sample.inputs.instruction, 3) < kGradientBar);
    }
    for (const auto& [name, value] : sample.fusion.parameters()) {
      CAPTURE(name);
      CHECK(worst_difference(sample, value, 1 + value.numel() / 4) < kGradientBar);
    }
  }
}
