#include "fusion/projector.h"

#include <ATen/ATen.h>

#include <charconv>

#include "base/error.h"
#include "core/check.h"

namespace vega {
namespace {

constexpr std::int64_t kMostMlpLayers = 16;
constexpr double kRmsEps = 1e-6;
constexpr auto kTypes = "linear, mlpNx_gelu, mlpNx_resMx_gelu or identity";

// Linears and residual blocks of a type; linears 0: identity; `bare`: one Linear without number.
struct Stack {
  std::int64_t linears = 0, blocks = 0;
  bool bare = false;
};

// A number at the front of `text`, which is then cut off; nothing when there is none.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0 || value > kMostMlpLayers) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view front) {
  if (!text.starts_with(front)) return false;
  text.remove_prefix(front.size());
  return true;
}

std::optional<Stack> stack_of(std::string_view type) {
  if (type == "linear") return Stack{1, 0, true};
  if (type == "identity") return Stack{};
  Stack stack;
  if (!take(type, "mlp")) return std::nullopt;
  const auto linears = take_number(type);
  if (!linears || *linears < 1 || !take(type, "x_")) return std::nullopt;
  stack.linears = *linears;
  if (take(type, "res")) {
    const auto blocks = take_number(type);
    if (!blocks || !take(type, "x_")) return std::nullopt;
    stack.blocks = *blocks;
  }
  if (type != "gelu") return std::nullopt;
  return stack;
}

Stack known_stack(const std::string& type) {
  if (const auto stack = stack_of(type)) return *stack;
  const std::string remedy =
      type == "pooler" ? "it convolves the grid with stride 2: 13 x 13 cells of 27 x 27, which fit "
                         "no other stream; no released model has it"
                       : "";
  throw UsageError(explain("projector type", type, kTypes, remedy));
}

void check_width(const char* module, const char* name, std::int64_t value) {
  if (value >= 1 && value <= kMostWidth) return;
  throw InputError(explain(std::string(module) + ": " + name, std::to_string(value),
                           "1 to " + std::to_string(kMostWidth)));
}

void add_linear(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t in,
                std::int64_t out) {
  specs.push_back({name + "weight", {out, in}, Init::kNormal});
  specs.push_back({name + "bias", {out}, Init::kZero});
}

const TensorView* find(const WeightViews& views, const std::string& name, std::size_t axes) {
  const auto found = views.find(name);
  if (found == views.end() || found->second.shape.size() != axes) return nullptr;
  return &found->second;
}

// Place of the m-th residual block in the stack: linears and GELUs come first.
std::int64_t block_index(std::int64_t linears, std::int64_t m) { return 2 * linears - 1 + m; }

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight) {
  const auto type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor wide = x.to(type);
  const at::Tensor scale = at::rsqrt(wide.pow(2).mean(-1, true) + kRmsEps);
  return weight * (wide * scale).to(x.scalar_type());
}

}  // namespace

std::vector<ParameterSpec> projector_specs(const ProjectorConfig& c) {
  const Stack stack = known_stack(c.type);
  check_width("projector", "in", c.in);
  check_width("projector", "out", c.out);
  std::vector<ParameterSpec> specs;
  if (stack.linears == 0 && c.in != c.out) {
    throw InputError(explain("projector identity", std::to_string(c.in) + " channels",
                             std::to_string(c.out), "choose another type"));
  }
  if (stack.bare) {
    add_linear(specs, "", c.in, c.out);
    return specs;
  }
  for (std::int64_t i = 0; i < stack.linears; ++i) {
    add_linear(specs, std::to_string(2 * i) + ".", i == 0 ? c.in : c.out, c.out);
  }
  for (std::int64_t m = 0; m < stack.blocks; ++m) {
    const std::string block = std::to_string(block_index(stack.linears, m)) + ".";
    specs.push_back({block + "pre_norm.weight", {c.out}, Init::kOne});
    specs.push_back({block + "pre_norm.bias", {c.out}, Init::kZero});
    add_linear(specs, block + "proj.0.", c.out, c.out);
    add_linear(specs, block + "proj.2.", c.out, c.out);
  }
  return specs;
}

std::optional<ProjectorConfig> projector_config_of(const WeightViews& views) {
  const bool bare = views.contains("weight");
  const TensorView* first = find(views, bare ? "weight" : "0.weight", 2);
  if (first == nullptr) return std::nullopt;
  ProjectorConfig c{"linear", first->shape[1], first->shape[0]};
  if (bare) return c;
  std::int64_t linears = 1, blocks = 0;
  while (linears < kMostMlpLayers && views.contains(std::to_string(2 * linears) + ".weight")) {
    ++linears;
  }
  while (blocks < kMostMlpLayers &&
         views.contains(std::to_string(block_index(linears, blocks)) + ".pre_norm.weight")) {
    ++blocks;
  }
  c.type = "mlp" + std::to_string(linears) + "x_" +
           (blocks > 0 ? "res" + std::to_string(blocks) + "x_gelu" : "gelu");
  return c;
}

Projector::Projector(ProjectorConfig config, const Parameters& values, const Placement& placement,
                     bool requires_grad)
    : config_(std::move(config)), placement_(placement) {
  check_parameters(projector_specs(config_), values, "projector " + config_.type);
  values_ = placed(values, placement, requires_grad);
  const Stack stack = known_stack(config_.type);
  linears_ = stack.linears;
  blocks_ = stack.blocks;
}

Projector Projector::over(ProjectorConfig config, Parameters values, const Placement& placement) {
  Projector out(std::move(config), values, placement);
  out.values_ = std::move(values);
  return out;
}

at::Tensor Projector::linear(const at::Tensor& x, const std::string& name) const {
  return at::linear(x, find_parameter(values_, name + "weight"),
                    find_parameter(values_, name + "bias"));
}

at::Tensor Projector::forward(const at::Tensor& tokens) const {
  const std::string op = "projector " + config_.type;
  check_that(tokens.defined() && tokens.dim() >= 1 && tokens.size(-1) == config_.in, op, "tokens",
             tokens.defined() ? "shape " + to_string(tokens.sizes().vec()) : std::string("nothing"),
             std::to_string(config_.in) + " channels");
  check_device(op, "tokens", tokens, placement_.device);
  at::Tensor x = tokens.to(placement_.dtype);
  if (config_.type == "linear") return linear(x, "");
  for (std::int64_t i = 0; i < linears_; ++i) {
    x = linear(i == 0 ? x : at::gelu(x), std::to_string(2 * i) + ".");
  }
  for (std::int64_t m = 0; m < blocks_; ++m) {
    const std::string block = std::to_string(block_index(linears_, m)) + ".";
    // The block adds to its normalised input, as released.
    x = at::layer_norm(x, {config_.out}, find_parameter(values_, block + "pre_norm.weight"),
                       find_parameter(values_, block + "pre_norm.bias"), kLayerNormEps);
    x = x + linear(at::gelu(linear(x, block + "proj.0.")), block + "proj.2.");
  }
  return x;
}

std::vector<ParameterSpec> merger_specs(const MergerConfig& c) {
  if (c.type != "mlp" && c.type != "avg") {
    throw UsageError(explain("merger type", c.type, "mlp or avg"));
  }
  check_width("merger", "in", c.in);
  check_width("merger", "hidden", c.hidden);
  check_width("merger", "out", c.out);
  std::vector<ParameterSpec> specs;
  if (c.type == "mlp") specs.push_back({"ln_q.weight", {c.in}, Init::kOne});
  add_linear(specs, "mlp.0.", c.type == "mlp" ? 4 * c.in : c.in, c.hidden);
  add_linear(specs, "mlp.2.", c.hidden, c.out);
  return specs;
}

std::optional<MergerConfig> merger_config_of(const WeightViews& views) {
  const TensorView* first = find(views, "mlp.0.weight", 2);
  const TensorView* last = find(views, "mlp.2.weight", 2);
  if (first == nullptr || last == nullptr) return std::nullopt;
  MergerConfig c{"avg", first->shape[1], first->shape[0], last->shape[0]};
  if (views.contains("ln_q.weight")) {
    c.type = "mlp";
    c.in /= 4;
  }
  return c;
}

Merger::Merger(MergerConfig config, const Parameters& values, const Placement& placement,
               bool requires_grad)
    : config_(std::move(config)), placement_(placement) {
  check_parameters(merger_specs(config_), values, "merger " + config_.type);
  values_ = placed(values, placement, requires_grad);
}

Merger Merger::over(MergerConfig config, Parameters values, const Placement& placement) {
  Merger out(std::move(config), values, placement);
  out.values_ = std::move(values);
  return out;
}

at::Tensor Merger::forward(const at::Tensor& patches) const {
  const std::string op = "merger " + config_.type;
  check_shape(op, "patches", patches, {kAny, kAny, kAny, config_.in});
  check_device(op, "patches", patches, placement_.device);
  const std::int64_t v = patches.size(0), h = patches.size(1) / 2, w = patches.size(2) / 2;
  const std::int64_t c = config_.in;
  at::Tensor x = patches.to(placement_.dtype).slice(1, 0, 2 * h).slice(2, 0, 2 * w);
  x = x.reshape({v, h, 2, w, 2, c}).permute({0, 1, 3, 2, 4, 5}).contiguous();
  if (config_.type == "mlp") {
    x = rms_norm(x, find_parameter(values_, "ln_q.weight")).reshape({v, h, w, 4 * c});
  } else {
    x = x.mean({3, 4});
  }
  const auto linear = [&](const at::Tensor& t, const std::string& name) {
    return at::linear(t, find_parameter(values_, name + "weight"),
                      find_parameter(values_, name + "bias"));
  };
  return linear(at::gelu(linear(x, "mlp.0.")), "mlp.2.");
}

}  // namespace vega
