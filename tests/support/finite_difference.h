// Gradients against central differences in float64.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

namespace vega::test {

// The step at which both errors stay below 1e-8: step^2 times a third derivative of up to 1,000 (of
// sharp softmaxes), and rounding, 2^-53 / step in a sum of order 100.
inline constexpr double kDifferenceStep = 3e-6;

// The largest |slope - gradient| / (1 + |gradient|) over every n-th element of a contiguous float64
// leaf that has its gradient; loss() reads the leaf anew.
inline double worst_difference(const std::function<at::Tensor()>& loss, const at::Tensor& leaf,
                               std::int64_t every = 1) {
  const c10::NoGradGuard no_grad;
  const at::Tensor value = leaf.detach();  // shares memory
  const at::Tensor gradient =
      leaf.grad().defined() ? leaf.grad().contiguous() : at::zeros_like(value);
  auto* numbers = value.data_ptr<double>();
  const auto* slopes = gradient.data_ptr<double>();
  double worst = 0;
  for (std::int64_t i = 0; i < value.numel(); i += every) {
    const double kept = numbers[i];
    numbers[i] = kept + kDifferenceStep;
    const double above = loss().item<double>();
    numbers[i] = kept - kDifferenceStep;
    const double below = loss().item<double>();
    numbers[i] = kept;
    const double slope = (above - below) / (2 * kDifferenceStep);
    const double apart = std::abs(slope - slopes[i]) / (1 + std::abs(slopes[i]));
    if (!(apart <= worst)) worst = apart;  // NaN stays
  }
  return worst;
}

}  // namespace vega::test
