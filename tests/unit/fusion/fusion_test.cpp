// Names, sizes, dropout, traces and refusals of the fusion methods; refusals of projectors and
// pooling.
#include "fusion/fusion.h"

#include <c10/core/InferenceMode.h>
#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "core/device.h"
#include "fusion/cross_attention.h"
#include "fusion/pool.h"
#include "fusion/token_gate.h"
#include "fusion_samples.h"
#include "support/cuda.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

FusionConfig config_of_method(const std::string& method, std::int64_t width,
                              const std::string& form = "") {
  FusionConfig c;
  set_method(c, method);
  if (!form.empty()) set_form(c, form);
  c.width = width;
  return c;
}

Fusion initial(const FusionConfig& c, std::uint64_t seed = 1, bool requires_grad = false) {
  return {c, initial_values(fusion_specs(c), "model.feature_fusion.", seed), {}, requires_grad};
}

std::int64_t count_of(const FusionConfig& c) {
  std::int64_t count = 0;
  for (const auto& spec : fusion_specs(c)) count += element_count(spec.shape);
  return count;
}

const char* const kAllMethods[] = {"add",
                                   "only",
                                   "concat",
                                   "weighted",
                                   "gated",
                                   "token_gated",
                                   "token_gated_residual",
                                   "instruction_token_gated",
                                   "cross_attention"};

}  // namespace

TEST_CASE("fusion: names of methods and forms") {
  for (const std::string method : kAllMethods) {
    FusionConfig c;
    set_method(c, method);
    const bool residual = method == "token_gated_residual";
    CHECK(name_of(c.method) == (residual ? "token_gated" : method));
    CHECK(name_of(c.form) == (residual ? "residual" : "normed"));
  }
  CHECK(config_of_method("context_gated", 8).method == FusionMethod::kInstructionTokenGated);
  CHECK(config_of_method("token_gated", 8, "raw").form == GateForm::kRaw);
  CHECK_THROWS_WITH(config_of_method("tokengated", 8),
                    Contains("tokengated") && Contains("token_gated"));
  CHECK_THROWS_WITH(config_of_method("token_gated", 8, "paper"),
                    Contains("paper") && Contains("raw"));
  CHECK_THROWS_AS(config_of_method("gated", 8, "raw"), UsageError);
}

TEST_CASE("fusion: parameter counts of the released width") {
  CHECK(count_of(config_of_method("token_gated", 3584)) == 21505);
  CHECK(count_of(config_of_method("token_gated", 3584, "raw")) == 21505);
  CHECK(count_of(config_of_method("token_gated_residual", 3584)) == 21506);
  CHECK(count_of(config_of_method("weighted", 3584)) == 2);
  CHECK(count_of(config_of_method("add", 3584)) == 0);
  CHECK(count_of(config_of_method("cross_attention", 3584)) == 12 * 3584LL * 3584 + 17 * 3584);
  std::int64_t count = 0;
  for (const auto& spec : projector_specs({"mlp2x_gelu", 1536, 3584})) {
    count += element_count(spec.shape);
  }
  CHECK(count == 18357248);
}

TEST_CASE("fusion: no frames, no tokens, one token, a prime number of tokens") {
  for (const std::string method : kAllMethods) {
    const Fusion fusion = initial(config_of_method(method, 8));
    for (const auto& [frames, cells] : {std::pair(0, 9), {2, 0}, {1, 1}, {3, 49}}) {
      const at::Tensor s = at::ones({frames, cells, 8}), g = at::zeros({frames, cells, 8});
      CAPTURE(method, frames, cells);
      FusionTrace trace;
      const at::Tensor out = fusion.forward(s, g, {}, &trace);
      CHECK(out.sizes() == s.sizes());
      CHECK(out.isfinite().all().item<bool>());
      if (trace.gate.defined()) CHECK(trace.gate.sizes() == at::IntArrayRef({frames, cells}));
    }
  }
  const at::Tensor rows = at::ones({1, 7, 8});
  CHECK(initial(config_of_method("token_gated", 8)).forward(rows, rows).size(1) == 7);
  CHECK_THROWS_WITH(initial(config_of_method("cross_attention", 8)).forward(rows, rows),
                    Contains("7 tokens") && Contains("square"));
}

TEST_CASE("fusion: what a trace tells") {
  const at::Tensor s = test::golden_tensor("fusion.token_gated.residual.s");
  const at::Tensor g = test::golden_tensor("fusion.token_gated.residual.g");
  for (const auto& item : test::fusion_cases()) {
    if (item.label != "token_gated.raw" && item.label != "token_gated.residual") continue;
    const Fusion fusion = item.module(at::kDouble, false);
    FusionTrace trace;
    const at::Tensor out = fusion.forward(s, g, {}, &trace);
    // The share of the semantic stream is what the output says it is.
    const at::Tensor share = trace.semantic_weight.unsqueeze(-1);
    CHECK(test::distance(share * s + (1 - share) * g, out) < 1e-6);
    CHECK(at::equal(trace.semantic_weight, trace.gate) == (item.label == "token_gated.raw"));
  }
  FusionTrace trace;
  const at::Tensor x = at::ones({2, 4, 8});
  initial(config_of_method("weighted", 8)).forward(x, x, {}, &trace);
  CHECK(at::equal(trace.gate, at::full({2, 4}, 0.5)));
  initial(config_of_method("only", 8)).forward(x, x, {}, &trace);
  CHECK(at::equal(trace.gate, at::zeros({2, 4})));
  initial(config_of_method("add", 8)).forward(x, x, {}, &trace);
  CHECK_FALSE(trace.gate.defined());
}

TEST_CASE("fusion: positions of a grid") {
  const at::Tensor p = fusion::sine_positions({2, 3}, 8);
  REQUIRE(p.sizes() == at::IntArrayRef({6, 8}));
  for (int row = 0; row < 2; ++row) {
    for (int column = 0; column < 3; ++column) {
      const at::Tensor cell = p[row * 3 + column];
      for (int k = 0; k < 2; ++k) {
        const double rate = std::pow(10000.0, -k / 2.0);
        CHECK(cell[k].item<double>() == Approx(std::sin(row * rate)).margin(1e-7));
        CHECK(cell[2 + k].item<double>() == Approx(std::cos(row * rate)).margin(1e-7));
        CHECK(cell[4 + k].item<double>() == Approx(std::sin(column * rate)).margin(1e-7));
        CHECK(cell[6 + k].item<double>() == Approx(std::cos(column * rate)).margin(1e-7));
      }
    }
  }
}

TEST_CASE("fusion: dropout is off in evaluation, and seeded in training") {
  const Fusion fusion = initial(config_of_method("cross_attention", 16));
  const at::Tensor s = test::golden_tensor("fusion.cross.main.s");
  const at::Tensor g = test::golden_tensor("fusion.cross.main.g");
  const at::Tensor plain = fusion.forward(s, g);
  FusionInputs inputs;
  CHECK(at::equal(fusion.forward(s, g, inputs), plain));
  inputs.dropout = DropoutKey{.seed = 9};
  const at::Tensor first = fusion.forward(s, g, inputs);
  CHECK_FALSE(at::equal(first, plain));
  CHECK(at::equal(fusion.forward(s, g, inputs), first));
  inputs.dropout->step = 1;
  CHECK_FALSE(at::equal(fusion.forward(s, g, inputs), first));
  inputs.dropout = DropoutKey{.seed = 10};
  CHECK_FALSE(at::equal(fusion.forward(s, g, inputs), first));
}

TEST_CASE("fusion: refusals name what was given and what is expected") {
  const Fusion fusion = initial(config_of_method("token_gated", 8));
  const at::Tensor x = at::ones({2, 9, 8});
  CHECK_THROWS_WITH(fusion.forward(at::ones({2, 9, 7}), x), Contains("[2, 9, 7]") && Contains("8"));
  CHECK_THROWS_WITH(fusion.forward(x, at::ones({2, 8, 8})),
                    Contains("generative") && Contains("[2, 8, 8]") && Contains("[2, 9, 8]"));
  CHECK_THROWS_WITH(fusion.forward(x.to(at::kLong), x.to(at::kLong)), Contains("floating"));
  CHECK_THROWS_AS(fusion.forward({}, x), InputError);
  CHECK_THROWS_AS(fusion.forward(x, {}), InputError);
  FusionInputs inputs;
  inputs.instruction = at::ones({8});
  CHECK_THROWS_WITH(fusion.forward(x, x, inputs), Contains("instruction_token_gated"));
  inputs.instruction = at::ones({3, 8});
  CHECK_THROWS_WITH(initial(config_of_method("context_gated", 8)).forward(x, x, inputs),
                    Contains("[3, 8]") && Contains("(2, 8)"));

  FusionConfig c = config_of_method("cross_attention", 18);
  c.heads = 4;
  CHECK_THROWS_WITH(fusion_specs(c), Contains("heads") && Contains("18"));
  c.heads = 3;
  CHECK_THROWS_WITH(fusion_specs(c), Contains("multiple of 4"));
  c.width = 24;
  c.dropout = 1;
  CHECK_THROWS_WITH(fusion_specs(c), Contains("dropout"));
  c.dropout = 0;
  c.layers = 0;
  CHECK_THROWS_WITH(fusion_specs(c), Contains("layers"));
  CHECK_THROWS_AS(fusion_specs(config_of_method("gated", 0)), InputError);

  const FusionConfig gate = config_of_method("token_gated", 8);
  Parameters values = initial_values(fusion_specs(gate), "p.", 1);
  values[1].second = at::ones({7});
  CHECK_THROWS_WITH(Fusion(gate, values), Contains("norm1.bias") && Contains("[7]"));
  values.pop_back();
  CHECK_THROWS_WITH(Fusion(gate, values), Contains("5 parameters") && Contains("6"));
}

TEST_CASE("projectors and pooling: refusals") {
  CHECK_THROWS_WITH(projector_specs({"pooler", 8, 8}), Contains("13 x 13"));
  for (const std::string type : {"mlp0x_gelu", "mlpx_gelu", "mlp2x_silu", "mlp2x_res",
                                 "mlp2x_gelux", "mlp99x_gelu", "mlp-1x_gelu", "perceiver", ""}) {
    CAPTURE(type);
    CHECK_THROWS_WITH(projector_specs({type, 8, 8}), Contains("mlpNx_gelu"));
  }
  CHECK_THROWS_WITH(projector_specs({"identity", 8, 9}), Contains("8 channels"));
  CHECK(projector_specs({"identity", 8, 8}).empty());
  const at::Tensor x = at::ones({1, 2, 8});
  CHECK(at::equal(Projector({"identity", 8, 8}, {}).forward(x), x));
  CHECK_THROWS_WITH(Projector({"identity", 8, 8}, {}).forward(at::ones({1, 2, 7})),
                    Contains("[1, 2, 7]") && Contains("8 channels"));
  CHECK_THROWS_AS(projector_specs({"linear", 0, 8}), InputError);
  CHECK_THROWS_AS(merger_specs({"attention", 8, 8, 8}), UsageError);

  check_pool_mode("bilinear");
  CHECK_THROWS_WITH(check_pool_mode("average"), Contains("13 x 13"));
  CHECK_THROWS_WITH(check_pool_mode("max"), Contains("13 x 13"));
  CHECK_THROWS_WITH(check_pool_mode("nearest"), Contains("bilinear"));
  CHECK_THROWS_WITH(resize_tokens(at::ones({1, 8, 3}), {3, 3}, {2, 2}), Contains("[1, 8, 3]"));
  CHECK_THROWS_AS(resize_tokens(at::ones({1, 9, 3}), {3, 3}, {0, 2}), InputError);
  CHECK(resize_tokens(at::ones({0, 9, 3}), {3, 3}, {2, 4}).sizes() == at::IntArrayRef({0, 8, 3}));
}

TEST_CASE("fusion: the fused token gate equals the operators") {
  for (const std::string form : {"raw", "normed", "residual"}) {
    const FusionConfig c = config_of_method("token_gated", 96, form);
    const Fusion fusion = initial(c);
    const auto at = [&](const char* name) { return find_parameter(fusion.parameters(), name); };
    kernels::TokenGateParameters w{at("norm1.weight"),
                                   at("norm1.bias"),
                                   at("norm2.weight"),
                                   at("norm2.bias"),
                                   at("gate_projection.0.weight"),
                                   at("gate_projection.0.bias"),
                                   {}};
    if (form == "residual") w.residual_scale = at("residual_scale");
    const at::Tensor s = at::arange(2 * 7 * 96, at::kFloat).sin().reshape({2, 7, 96});
    const at::Tensor g = at::arange(2 * 7 * 96, at::kFloat).cos().reshape({2, 7, 96}) * 3;
    FusionTrace trace;
    const at::Tensor out = fusion.forward(s, g, {}, &trace);
    const fusion::Gated plain = fusion::token_gate_by_operators(c.form, s, g, w);
    CAPTURE(form);
    CHECK(test::distance(out, plain.out) < 2e-6);
    CHECK(test::distance(trace.gate, plain.gate) < 2e-6);
    const c10::InferenceMode guard;
    CHECK(at::equal(fusion.forward(s, g), out));
  }
}

TEST_CASE("fusion: CUDA equals the CPU", "[cuda]") {
  if (!test::has_cuda("fusion")) return;
  const at::Device cuda(at::kCUDA, 0);
  for (const auto& item : test::fusion_cases()) {
    const std::string at = item.place();
    const FusionConfig c = item.config();
    const Parameters values = test::golden_parameters(at, fusion_specs(c));
    const Fusion fusion(c, values, {cuda, at::kFloat}, true);
    const Fusion half(c, values, {cuda, at::kBFloat16});
    FusionInputs inputs;
    if (test::fusion_golden().find(at + ".c")) {
      inputs.instruction = test::golden_tensor(at + ".c").to(cuda);
    }
    const at::Tensor s = test::golden_tensor(at + ".s").to(cuda).requires_grad_(true);
    const at::Tensor g = test::golden_tensor(at + ".g").to(cuda).requires_grad_(true);
    const at::Tensor out = fusion.forward(s, g, inputs);
    const at::Tensor expected = test::golden_tensor(at + ".out");
    CAPTURE(at);
    CHECK(test::distance(out, expected) < 4e-6);
    (out * test::golden_tensor(at + ".up").to(cuda)).sum().backward();
    if (item.method != "only") {
      CHECK(test::distance(s.grad(), test::golden_tensor(at + ".d.s")) < 4e-6);
    }
    CHECK(test::distance(g.grad(), test::golden_tensor(at + ".d.g")) < 4e-6);
    const double theirs = test::distance(test::golden_tensor(at + ".out.bf16"), expected);
    CHECK(test::distance(half.forward(s, g, inputs), expected) <= 2 * theirs);
    if (item.method != "cross_attention") continue;
    inputs.dropout = DropoutKey{};  // the same masks
    const Fusion host(c, values);
    CHECK(test::distance(fusion.forward(s, g, inputs), host.forward(s.cpu(), g.cpu(), inputs)) <
          4e-6);
  }
}
