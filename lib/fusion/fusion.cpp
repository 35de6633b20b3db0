#include "fusion/fusion.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>

#include "base/error.h"
#include "core/check.h"
#include "fusion/cross_attention.h"
#include "fusion/token_gate.h"

namespace vega {
namespace {

constexpr std::int64_t kMostLayers = 64;
constexpr auto kMethods =
    "add, only, concat, weighted, gated, token_gated, token_gated_residual, "
    "instruction_token_gated, context_gated or cross_attention";

constexpr std::array<std::pair<FusionMethod, std::string_view>, 8> kNames{{
    {FusionMethod::kAdd, "add"},
    {FusionMethod::kOnly, "only"},
    {FusionMethod::kConcat, "concat"},
    {FusionMethod::kWeighted, "weighted"},
    {FusionMethod::kGated, "gated"},
    {FusionMethod::kTokenGated, "token_gated"},
    {FusionMethod::kInstructionTokenGated, "instruction_token_gated"},
    {FusionMethod::kCrossAttention, "cross_attention"},
}};

constexpr std::array<std::pair<GateForm, std::string_view>, 3> kForms{{
    {GateForm::kRaw, "raw"},
    {GateForm::kNormed, "normed"},
    {GateForm::kResidual, "residual"},
}};

void refuse(const char* name, const std::string& got, const std::string& expected) {
  throw InputError(explain(std::string("fusion: ") + name, got, expected));
}

void check_config(const FusionConfig& c) {
  if (c.width < 1 || c.width > kMostWidth) {
    refuse("width", std::to_string(c.width), "1 to " + std::to_string(kMostWidth));
  }
  if (c.method == FusionMethod::kInstructionTokenGated && c.width < 2) {
    refuse("width", std::to_string(c.width), "2 or more for an instruction gate");
  }
  if (c.method != FusionMethod::kCrossAttention) return;
  if (c.layers < 1 || c.layers > kMostLayers) {
    refuse("layers", std::to_string(c.layers), "1 to " + std::to_string(kMostLayers));
  }
  if (c.heads < 1 || c.width % c.heads != 0) {
    refuse("heads", std::to_string(c.heads), "a divisor of the width " + std::to_string(c.width));
  }
  if (c.width % 4 != 0) {
    refuse("width", std::to_string(c.width), "a multiple of 4 (sine and cosine of row and column)");
  }
  if (!(c.dropout >= 0 && c.dropout < 1)) {
    refuse("dropout", std::to_string(c.dropout), "0 or more, less than 1");
  }
}

void add_pair(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t out,
              std::int64_t in) {
  specs.push_back({name + ".weight", {out, in}, Init::kNormal});
  specs.push_back({name + ".bias", {out}, Init::kZero});
}

void add_norm(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t width) {
  specs.push_back({name + ".weight", {width}, Init::kOne});
  specs.push_back({name + ".bias", {width}, Init::kZero});
}

// One forward pass over (V, L, H) tensors of the placement's type.
class Pass {
 public:
  Pass(const FusionConfig& config, const Parameters& values, at::Tensor s, at::Tensor g)
      : config_(config), values_(values), s_(std::move(s)), g_(std::move(g)) {}

  at::Tensor run(const FusionInputs& inputs, Grid grid) {
    switch (config_.method) {
      case FusionMethod::kAdd: return s_ + g_;
      case FusionMethod::kOnly:
        gate_ = at::zeros({s_.size(0), s_.size(1), 1}, s_.options());
        return g_;
      case FusionMethod::kConcat: return linear(joined(), "projection");
      case FusionMethod::kWeighted: return weighted();
      case FusionMethod::kGated: return blend(at::sigmoid(linear(joined(), "gate_projection.0")));
      case FusionMethod::kTokenGated: return token_gated();
      case FusionMethod::kInstructionTokenGated:
        return blend(at::sigmoid(instruction_logits(inputs.instruction)));
      case FusionMethod::kCrossAttention:
        return fusion::cross_attention(config_, values_, s_, g_, grid, inputs);
    }
    throw InputError(explain("fusion: method", "an unknown value", kMethods));
  }

  // (V, L) float32 without gradient; undefined where the method has no gate.
  at::Tensor gate() const {
    return gate_.defined() ? gate_.detach().to(at::kFloat).mean(-1) : at::Tensor();
  }
  at::Tensor semantic_weight() const {
    const at::Tensor g = gate();
    if (!g.defined() || config_.form != GateForm::kResidual ||
        config_.method != FusionMethod::kTokenGated) {
      return g;
    }
    return 1 - at("residual_scale").detach().to(at::kFloat) * (1 - g);
  }

 private:
  const at::Tensor& at(const std::string& name) const { return find_parameter(values_, name); }
  at::Tensor linear(const at::Tensor& x, const std::string& name) const {
    return at::linear(x, at(name + ".weight"), at(name + ".bias"));
  }
  at::Tensor norm(const at::Tensor& x, const std::string& name) const {
    return at::layer_norm(x, {config_.width}, at(name + ".weight"), at(name + ".bias"),
                          kLayerNormEps);
  }
  // Both streams normalised, which blend() needs too; side by side.
  at::Tensor joined() {
    n1_ = norm(s_, "norm1");
    n2_ = norm(g_, "norm2");
    return at::cat({n1_, n2_}, -1);
  }
  at::Tensor blend(const at::Tensor& gate) {
    gate_ = gate;
    return gate * n1_ + (1 - gate) * n2_;
  }

  at::Tensor weighted() {
    const at::Tensor sum = at("weight_2d") + at("weight_gen");
    const at::Tensor share = at("weight_2d") / sum;
    gate_ = share.detach().expand({s_.size(0), s_.size(1), 1});
    return share * s_ + at("weight_gen") / sum * g_;
  }

  at::Tensor token_gated() {
    kernels::TokenGateParameters w{at("norm1.weight"),
                                   at("norm1.bias"),
                                   at("norm2.weight"),
                                   at("norm2.bias"),
                                   at("gate_projection.0.weight"),
                                   at("gate_projection.0.bias"),
                                   {}};
    if (config_.form == GateForm::kResidual) w.residual_scale = at("residual_scale");
    const fusion::Gated gated = fusion::token_gate(config_.form, s_, g_, w);
    gate_ = gated.gate;
    return gated.out;
  }

  at::Tensor instruction_logits(const at::Tensor& instruction) {
    const at::Tensor logits = linear(joined(), "gate_projection") + at("gate_bias");
    if (!instruction.defined()) return logits;
    const at::Tensor rows = instruction.dim() == 1 ? instruction.unsqueeze(0) : instruction;
    const at::Tensor hidden =
        at::silu(linear(norm(rows.to(s_.scalar_type()), "norm_ctx"), "ctx_projection.0"));
    return logits + at("context_scale") * linear(hidden, "ctx_projection.2").unsqueeze(1);
  }

  const FusionConfig& config_;
  const Parameters& values_;
  at::Tensor s_, g_, n1_, n2_, gate_;
};

void check_inputs(const FusionConfig& c, at::Device device, const at::Tensor& s,
                  const at::Tensor& g) {
  constexpr auto kOp = "fusion";
  const bool axes = s.defined() && (s.dim() == 3 || s.dim() == 4) && s.size(-1) == c.width;
  check_that(
      axes, kOp, "semantic",
      s.defined() ? "shape " + to_string(s.sizes().vec()) : std::string("nothing"),
      "(V, L, " + std::to_string(c.width) + ") or (V, gh, gw, " + std::to_string(c.width) + ")");
  check_that(g.defined() && g.sizes() == s.sizes(), kOp, "generative",
             g.defined() ? "shape " + to_string(g.sizes().vec()) : std::string("nothing"),
             "the shape of the semantic tokens, " + to_string(s.sizes().vec()));
  for (const auto& [name, tensor] : {std::pair("semantic", &s), {"generative", &g}}) {
    check_that(tensor->is_floating_point(), kOp, name, c10::toString(tensor->scalar_type()),
               "a floating type");
    check_device(kOp, name, *tensor, device);
  }
}

void check_instruction(const FusionConfig& c, at::Device device, std::int64_t frames,
                       const at::Tensor& vector) {
  if (!vector.defined()) return;
  constexpr auto kOp = "fusion";
  check_that(c.method == FusionMethod::kInstructionTokenGated, kOp, "instruction", "a vector",
             "none: only instruction_token_gated uses it, the method is " + name_of(c.method));
  const bool one = vector.dim() == 1 && vector.size(0) == c.width;
  const bool rows = vector.dim() == 2 && vector.size(1) == c.width &&
                    (vector.size(0) == 1 || vector.size(0) == frames);
  const std::string width = std::to_string(c.width);
  check_that(
      one || rows, kOp, "instruction", "shape " + to_string(vector.sizes().vec()),
      "(" + width + "), (1, " + width + ") or (" + std::to_string(frames) + ", " + width + ")");
  check_device(kOp, "instruction", vector, device);
}

Grid grid_of(const FusionConfig& c, const at::Tensor& s) {
  if (s.dim() == 4) return {s.size(1), s.size(2)};
  const std::int64_t cells = s.size(1);
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(cells))));
  check_that(c.method != FusionMethod::kCrossAttention || side * side == cells, "fusion",
             "semantic", std::to_string(cells) + " tokens in a row",
             "a square number, or the axes (V, gh, gw, H): positions need the grid");
  return {side, side};
}

}  // namespace

void set_method(FusionConfig& config, std::string_view method) {
  if (method == "context_gated") method = "instruction_token_gated";
  if (method == "token_gated_residual") {
    config.method = FusionMethod::kTokenGated;
    config.form = GateForm::kResidual;
    return;
  }
  for (const auto& [value, name] : kNames) {
    if (name != method) continue;
    config.method = value;
    config.form = GateForm::kNormed;
    return;
  }
  throw UsageError(explain("fusion method", std::string(method), kMethods));
}

void set_form(FusionConfig& config, std::string_view form) {
  for (const auto& [value, name] : kForms) {
    if (name != form) continue;
    if (config.method != FusionMethod::kTokenGated && value != GateForm::kNormed) {
      throw UsageError(explain("fusion form", std::string(form) + " with " + name_of(config.method),
                               "raw and residual belong to token_gated"));
    }
    config.form = value;
    return;
  }
  throw UsageError(explain("fusion form", std::string(form), "raw, normed or residual"));
}

bool has_gate(FusionMethod method) {
  return method != FusionMethod::kAdd && method != FusionMethod::kConcat &&
         method != FusionMethod::kCrossAttention;
}

std::string name_of(FusionMethod method) {
  return std::string(kNames[static_cast<std::size_t>(method)].second);
}
std::string name_of(GateForm form) {
  return std::string(kForms[static_cast<std::size_t>(form)].second);
}

std::vector<ParameterSpec> fusion_specs(const FusionConfig& c) {
  check_config(c);
  if (c.method == FusionMethod::kCrossAttention) return fusion::cross_attention_specs(c);
  std::vector<ParameterSpec> specs;
  if (c.method == FusionMethod::kAdd || c.method == FusionMethod::kOnly) return specs;
  if (c.method == FusionMethod::kWeighted) {
    return {{"weight_2d", {}, Init::kValue, 0.5}, {"weight_gen", {}, Init::kValue, 0.5}};
  }
  add_norm(specs, "norm1", c.width);
  add_norm(specs, "norm2", c.width);
  if (c.method == FusionMethod::kConcat) add_pair(specs, "projection", c.width, 2 * c.width);
  if (c.method == FusionMethod::kGated) add_pair(specs, "gate_projection.0", c.width, 2 * c.width);
  if (c.method == FusionMethod::kTokenGated) {
    add_pair(specs, "gate_projection.0", 1, 2 * c.width);
    if (c.form == GateForm::kResidual) specs.push_back({"residual_scale", {}, Init::kValue, 0.2});
  }
  if (c.method == FusionMethod::kInstructionTokenGated) {
    add_norm(specs, "norm_ctx", c.width);
    add_pair(specs, "gate_projection", 1, 2 * c.width);
    add_pair(specs, "ctx_projection.0", c.width / 2, c.width);
    add_pair(specs, "ctx_projection.2", 1, c.width / 2);
    specs.push_back({"context_scale", {}, Init::kValue, 1.0});
    specs.push_back({"gate_bias", {}, Init::kValue, -0.5});
  }
  return specs;
}

Fusion::Fusion(FusionConfig config, const Parameters& values, const Placement& placement,
               bool requires_grad)
    : config_(config), placement_(placement) {
  check_parameters(fusion_specs(config_), values, "fusion " + name_of(config_.method));
  values_ = placed(values, placement, requires_grad);
}

Fusion Fusion::over(FusionConfig config, Parameters values, const Placement& placement) {
  Fusion out(config, values, placement);
  out.values_ = std::move(values);
  return out;
}

at::Tensor Fusion::semantic_alone(const at::Tensor& semantic) const {
  const bool normed =
      config_.method == FusionMethod::kGated ||
      (config_.method == FusionMethod::kTokenGated && config_.form == GateForm::kNormed);
  if (!normed) return semantic;
  return at::layer_norm(semantic, {config_.width}, find_parameter(values_, "norm1.weight"),
                        find_parameter(values_, "norm1.bias"), kLayerNormEps);
}

at::Tensor Fusion::forward(const at::Tensor& semantic, const at::Tensor& generative,
                           const FusionInputs& inputs, FusionTrace* trace) const {
  check_inputs(config_, placement_.device, semantic, generative);
  const std::int64_t frames = semantic.size(0);
  check_instruction(config_, placement_.device, frames, inputs.instruction);
  const Grid grid = grid_of(config_, semantic);
  const std::int64_t cells = semantic.size(1) * (semantic.dim() == 4 ? semantic.size(2) : 1);
  const std::vector<std::int64_t> shape{frames, cells, config_.width};
  Pass pass(config_, values_, semantic.to(placement_.dtype).reshape(shape),
            generative.to(placement_.dtype).reshape(shape));
  const at::Tensor out = pass.run(inputs, grid);
  if (trace != nullptr) {
    const auto axes = semantic.sizes().slice(0, static_cast<std::size_t>(semantic.dim()) - 1);
    const auto shaped = [&](const at::Tensor& x) { return x.defined() ? x.reshape(axes) : x; };
    *trace = {shaped(pass.gate()), shaped(pass.semantic_weight())};
  }
  return out.reshape(semantic.sizes());
}

}  // namespace vega
