#include "nn/recompute.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

using namespace vega;

TEST_CASE("recompute: values and gradients keep their bits, the function runs twice") {
  const at::Tensor start = at::arange(12, at::kFloat).view({3, 4}) / 7;
  const at::Tensor matrix = (at::arange(16, at::kFloat).view({4, 4}) - 8) / 9;
  const at::Tensor frozen = at::full({4}, 0.3F);
  int runs = 0;
  const TensorFunction step = [&](const std::vector<at::Tensor>& inputs) {
    ++runs;
    const at::Tensor inner = at::silu(at::mm(inputs[0], inputs[1])) * inputs[2];
    return inputs[0] + inner + at::mm(inner, inputs[1]);
  };
  const auto gradients = [&](bool again) {
    const at::Tensor x = start.clone().requires_grad_(true);
    at::Tensor y = x;
    std::vector<at::Tensor> leaves{x};
    for (int n = 0; n < 3; ++n) {
      const at::Tensor w = (matrix * (n + 1) / 2).requires_grad_(true);
      y = again ? recomputed(step, {y, w, frozen}) : step({y, w, frozen});
      leaves.push_back(w);
    }
    y.square().sum().backward();
    std::vector<at::Tensor> out{y.detach()};
    for (const at::Tensor& leaf : leaves) out.push_back(leaf.grad());
    return out;
  };
  const auto plain = gradients(false);
  CHECK(runs == 3);
  const auto again = gradients(true);
  CHECK(runs == 9);
  for (std::size_t n = 0; n < plain.size(); ++n) CHECK(at::equal(plain[n], again[n]));
}

TEST_CASE("recompute: what needs no gradient runs once and gets none") {
  int runs = 0;
  const TensorFunction twice = [&](const std::vector<at::Tensor>& inputs) {
    ++runs;
    return inputs[0] * inputs[1];
  };
  const at::Tensor x = at::ones({2}), w = at::full({2}, 3.0F).requires_grad_(true);
  CHECK_FALSE(recomputed(twice, {x, x}).requires_grad());
  CHECK(runs == 1);
  recomputed(twice, {x, w}).sum().backward();
  CHECK(runs == 3);
  CHECK(at::equal(w.grad(), x));
  CHECK_FALSE(x.grad().defined());
}
