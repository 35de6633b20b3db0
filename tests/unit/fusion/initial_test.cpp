// Initial values: what they are, and that they are the same everywhere.
#include <catch2/catch.hpp>
#include <cmath>

#include "fusion/checkpoint.h"
#include "fusion_samples.h"

using namespace vega;

namespace {

constexpr std::uint64_t kSeed = 42;

Parameters start(const std::string& method, std::int64_t width, std::uint64_t seed = kSeed) {
  FusionConfig c;
  set_method(c, method);
  c.width = width;
  return initial_values(fusion_specs(c), kFusionPrefix, seed);
}

void check_constant(const Parameters& values, const std::string& name, double expected) {
  const at::Tensor value = find_parameter(values, name);
  CAPTURE(name);
  CHECK(at::equal(value, at::full_like(value, expected)));
}

// Mean, deviation and share beyond two deviations of a normal sample, each within five standard
// errors.
void check_normal(const at::Tensor& value, double deviation) {
  const at::Tensor x = value.to(at::kDouble).flatten();
  const auto n = static_cast<double>(x.numel());
  CHECK(std::abs(x.mean().item<double>()) < 5 * deviation / std::sqrt(n));
  CHECK(x.std().item<double>() == Approx(deviation).epsilon(5 / std::sqrt(2 * n)));
  const double share = (x.abs() > 2 * deviation).sum().item<double>() / n;
  CHECK(share == Approx(0.0455).margin(5 * std::sqrt(0.0455 / n)));
}

}  // namespace

TEST_CASE("initial values: norms 1 and 0, linears normal 0.02 and 0, literals") {
  const Parameters gate = start("token_gated_residual", 2048);
  for (const std::string norm : {"norm1", "norm2"}) {
    check_constant(gate, norm + ".weight", 1);
    check_constant(gate, norm + ".bias", 0);
  }
  check_constant(gate, "gate_projection.0.bias", 0);
  check_constant(gate, "residual_scale", 0.2F);
  check_normal(find_parameter(gate, "gate_projection.0.weight"), 0.02);

  const Parameters asked = start("instruction_token_gated", 96);
  check_constant(asked, "norm_ctx.weight", 1);
  check_constant(asked, "context_scale", 1);
  check_constant(asked, "gate_bias", -0.5);
  check_normal(find_parameter(asked, "ctx_projection.0.weight"), 0.02);

  const Parameters weighted = start("weighted", 96);
  check_constant(weighted, "weight_2d", 0.5);
  check_constant(weighted, "weight_gen", 0.5);

  const auto merger =
      initial_values(merger_specs({"mlp", 16, 32, 24}), kSpatialMergerPrefix, kSeed);
  check_constant(merger, "ln_q.weight", 1);
  check_normal(find_parameter(merger, "mlp.0.weight"), 0.02);
}

TEST_CASE("initial values: the packed matrix of attention is Xavier-uniform") {
  const Parameters values = start("cross_attention", 48);
  const std::string block = "cross_attn_blocks.0.";
  const at::Tensor packed = find_parameter(values, block + "cross_attention.in_proj_weight");
  const double bound = std::sqrt(6.0 / (4 * 48));
  CHECK(packed.abs().max().item<double>() <= bound);
  CHECK(packed.abs().max().item<double>() > 0.995 * bound);
  const auto n = static_cast<double>(packed.numel());
  CHECK(packed.to(at::kDouble).var().item<double>() ==
        Approx(bound * bound / 3).epsilon(5 * std::sqrt(0.8 / n)));
  check_constant(values, block + "cross_attention.in_proj_bias", 0);
  check_constant(values, block + "norm1_query.weight", 1);
  check_normal(find_parameter(values, block + "cross_attention.out_proj.weight"), 0.02);
  check_normal(find_parameter(values, block + "mlp.0.weight"), 0.02);
}

TEST_CASE("initial values: the gate's logit starts with a deviation of 0.02 sqrt(2 H)") {
  const std::int64_t width = 2048;
  const Parameters gate = start("token_gated", width);
  const at::Tensor w = find_parameter(gate, "gate_projection.0.weight").to(at::kDouble);
  CHECK(w.norm().item<double>() ==
        Approx(0.02 * std::sqrt(2.0 * width)).epsilon(5 / std::sqrt(4.0 * width)));
}

TEST_CASE("initial values: the same for a seed, other ones for another seed or name") {
  const Parameters first = start("concat", 24), again = start("concat", 24);
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(at::equal(first[i].second, again[i].second));
  }
  const auto matrix = [](const Parameters& values, const std::string& name) {
    return find_parameter(values, name);
  };
  CHECK_FALSE(at::equal(matrix(first, "projection.weight"),
                        matrix(start("concat", 24, kSeed + 1), "projection.weight")));
  CHECK_FALSE(at::equal(matrix(start("gated", 24), "gate_projection.0.weight"),
                        matrix(first, "projection.weight")));

  const ProjectorConfig semantic{"mlp2x_gelu", 8, 24}, generative{"mlp2x_gelu", 8, 24};
  FusionConfig c;
  c.width = 24;
  const auto modules = initial_modules(semantic, generative, c, kSeed);
  CHECK_FALSE(
      at::equal(matrix(modules.semantic, "0.weight"), matrix(modules.generative, "0.weight")));
  CHECK(modules.fingerprint == initial_modules(semantic, generative, c, kSeed).fingerprint);
  CHECK(modules.fingerprint != initial_modules(semantic, generative, c, kSeed + 1).fingerprint);
}

TEST_CASE("initial values: pinned numbers of seed 42") {
  // noise v1 (Philox, Box-Muller) of "model.feature_fusion.gate_projection.0.weight", frame 0,
  // times 0.02: tests/golden/export_fusion.py prints them.
  const at::Tensor w = find_parameter(start("token_gated", 8), "gate_projection.0.weight");
  const at::Tensor expected = test::golden_tensor("initial.gate");
  CHECK(test::distance(w, expected) < 1e-7);
  const at::Tensor packed = find_parameter(start("cross_attention", 8),
                                           "cross_attn_blocks.0.cross_attention.in_proj_weight");
  CHECK(at::equal(packed.flatten().slice(0, 0, 8), test::golden_tensor("initial.packed")));
}
