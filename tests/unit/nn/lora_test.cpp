#include "nn/lora.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "base/philox.h"
#include "support/finite_difference.h"

using namespace vega;

namespace {

at::Tensor drawn_leaf(const char* name, at::IntArrayRef shape, bool trained = true) {
  at::Tensor out = at::empty(shape, at::kFloat);
  uniform_tensor(5, name, 0, 1, 0, {out.data_ptr<float>(), static_cast<std::size_t>(out.numel())});
  return out.to(at::kDouble).requires_grad_(trained);
}

LoraLinear sample_linear(bool adapted, bool trained) {
  LoraLinear linear{.name = "place"};
  linear.weight = drawn_leaf("weight", {5, 7}, trained);
  linear.bias = drawn_leaf("bias", {5}, trained);
  if (adapted) linear.lora_a = drawn_leaf("a", {3, 7}), linear.lora_b = drawn_leaf("b", {5, 3});
  return linear;
}

}  // namespace

TEST_CASE("LoRA: the scale is alpha over rank, or over its root") {
  CHECK(LoraConfig{.rank = 64, .alpha = 16}.scale() == 0.25);
  CHECK(LoraConfig{.rank = 64, .alpha = 16, .rank_stabilised = true}.scale() == 2);
}

TEST_CASE("LoRA: A starts uniform within 1 / sqrt(in), B at zero") {
  const std::vector<LoraTarget> targets{{"a.q_proj", 400, 30}, {"a.k_proj", 400, 20}};
  const auto values = initial_lora(targets, {.rank = 8}, 42);
  REQUIRE(values.size() == 4);
  CHECK(values[0].first == "a.q_proj.lora_A.weight");
  CHECK(values[3].first == "a.k_proj.lora_B.weight");
  CHECK(values[0].second.sizes() == at::IntArrayRef({8, 400}));
  CHECK(values[3].second.sizes() == at::IntArrayRef({20, 8}));
  CHECK(values[0].second.abs().max().item<double>() <= 0.05);
  CHECK(values[0].second.abs().max().item<double>() > 0.0495);
  // The deviation of 3,200 uniform numbers is within 4 % of bound / sqrt 3.
  CHECK(values[0].second.std().item<double>() == Approx(0.05 / std::sqrt(3.0)).epsilon(0.04));
  CHECK_FALSE(at::equal(values[0].second, values[2].second));
  CHECK(values[1].second.abs().sum().item<double>() == 0);
  CHECK_THROWS_AS(lora_specs(targets, {.rank = 0}), InputError);
  CHECK_THROWS_AS(lora_specs(targets, {.dropout = 1}), InputError);
}

TEST_CASE("LoRA: a linear with an adapter is the formula, its gradients are differences") {
  const LoraConfig config{.rank = 3, .alpha = 2, .dropout = 0.3};
  const DropoutKey key{.seed = 9};
  const at::Tensor x = drawn_leaf("x", {11, 7}), up = drawn_leaf("up", {11, 5}, false);
  for (const bool adapted : {false, true}) {
    for (const bool trained : {false, true}) {
      for (const DropoutKey* const mask : {static_cast<const DropoutKey*>(nullptr), &key}) {
        CAPTURE(adapted, trained, mask != nullptr);
        const LoraLinear linear = sample_linear(adapted, trained);
        const auto loss = [&] { return (lora_linear(x, linear, config, mask) * up).sum(); };
        at::Tensor want = at::linear(x, linear.weight, linear.bias);
        if (adapted) {
          const at::Tensor seen = mask != nullptr ? dropout(x, 0.3, "place", key) : x;
          want = want + config.scale() * at::mm(at::mm(seen, linear.lora_a.t()), linear.lora_b.t());
        }
        CHECK(at::allclose(lora_linear(x, linear, config, mask), want, 1e-12, 1e-12));
        x.mutable_grad().reset();
        loss().backward();
        for (const at::Tensor& leaf :
             {x, linear.weight, linear.bias, linear.lora_a, linear.lora_b}) {
          if (!leaf.defined() || !leaf.requires_grad()) continue;
          CHECK(test::worst_difference(loss, leaf) < 1e-8);
        }
        if (!trained) CHECK_FALSE(linear.weight.grad().defined());
      }
    }
  }
}

TEST_CASE("LoRA: masters of another type get gradients of their own type") {
  LoraLinear linear = sample_linear(true, false);
  for (at::Tensor* tensor : {&linear.weight, &linear.bias})
    *tensor = tensor->detach().to(at::kBFloat16);
  for (at::Tensor* tensor : {&linear.lora_a, &linear.lora_b})
    *tensor = tensor->detach().to(at::kFloat).requires_grad_(true);
  const at::Tensor x = drawn_leaf("x", {11, 7}, false).to(at::kBFloat16);
  const at::Tensor out = lora_linear(x, linear, {.rank = 3, .dropout = 0}, nullptr);
  CHECK(out.scalar_type() == at::kBFloat16);
  out.to(at::kFloat).sum().backward();
  CHECK(linear.lora_a.grad().scalar_type() == at::kFloat);
  CHECK(linear.lora_b.grad().abs().sum().item<double>() > 0);
}
