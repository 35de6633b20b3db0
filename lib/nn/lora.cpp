#include "nn/lora.h"

#include <ATen/ATen.h>

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/philox.h"
#include "kernels/linear.h"

namespace vega {
namespace {

void check_lora(const LoraConfig& config) {
  const auto refuse = [](const char* field, const std::string& got, const char* expected) {
    throw InputError(explain(std::string("LoRA: ") + field, got, expected));
  };
  if (config.rank < 1) refuse("rank", std::to_string(config.rank), "1 or more");
  if (!(config.alpha > 0)) refuse("alpha", std::to_string(config.alpha), "more than 0");
  if (!(config.dropout >= 0 && config.dropout < 1))
    refuse("dropout", std::to_string(config.dropout), "0 or more, less than 1");
}

}  // namespace

double LoraConfig::scale() const {
  const auto r = static_cast<double>(rank);
  return alpha / (rank_stabilised ? std::sqrt(r) : r);
}

std::string lora_a_name(std::string_view linear) { return std::string(linear) + ".lora_A.weight"; }
std::string lora_b_name(std::string_view linear) { return std::string(linear) + ".lora_B.weight"; }

std::vector<ParameterSpec> lora_specs(const std::vector<LoraTarget>& targets,
                                      const LoraConfig& config) {
  check_lora(config);
  std::vector<ParameterSpec> specs;
  for (const LoraTarget& target : targets) {
    specs.push_back({lora_a_name(target.name), {config.rank, target.in}, Init::kZero});
    specs.push_back({lora_b_name(target.name), {target.out, config.rank}, Init::kZero});
  }
  return specs;
}

Parameters initial_lora(const std::vector<LoraTarget>& targets, const LoraConfig& config,
                        std::uint64_t seed) {
  Parameters out;
  const auto specs = lora_specs(targets, config);
  for (std::size_t n = 0; n < specs.size(); ++n) {
    at::Tensor value = at::zeros(specs[n].shape, at::kFloat);
    if (n % 2 == 0) {
      const double bound = 1 / std::sqrt(static_cast<double>(specs[n].shape[1]));
      uniform_tensor(seed, specs[n].name, 0, bound, 0,
                     {value.data_ptr<float>(), static_cast<std::size_t>(value.numel())});
    }
    out.emplace_back(specs[n].name, value);
  }
  return out;
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

at::Tensor as_type_of(const at::Tensor& x, const at::Tensor& master) {
  return master.defined() ? master.to(x.scalar_type()) : master;
}

bool trains(const Variable& saved) { return saved.defined() && saved.requires_grad(); }

at::Tensor product(const at::Tensor& left, const at::Tensor& right) {
  return kernels::linear(left, right, {});
}

// The products and their gradients in one node: nothing but x, the mask and the adapter's inner
// values is kept.
struct LoraNode : torch::autograd::Function<LoraNode> {
  static Variable forward(AutogradContext* context, const Variable& x, const Variable& weight,
                          const std::optional<Variable>& bias,
                          const std::optional<Variable>& lora_a,
                          const std::optional<Variable>& lora_b, const std::string& place,
                          const LoraConfig& config, const DropoutKey* key) {
    const Variable offset = bias.value_or(Variable()), a = lora_a.value_or(Variable()),
                   b = lora_b.value_or(Variable());
    at::Tensor out = kernels::linear(x, as_type_of(x, weight), as_type_of(x, offset));
    at::Tensor kept, low;
    if (a.defined()) {
      at::Tensor seen = x;
      if (key != nullptr && config.dropout > 0) {
        kept = kept_mask(x, config.dropout, place, *key);
        seen = masked(x, kept, config.dropout);
      }
      low = product(seen, as_type_of(x, a)).mul_(config.scale());
      out.add_(product(low, as_type_of(x, b)));
    }
    context->save_for_backward({x, weight, offset, a, b, kept, low});
    context->saved_data["scale"] = config.scale();
    context->saved_data["dropout"] = config.dropout;
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Variable &weight = saved[1], &bias = saved[2], &a = saved[3], &b = saved[4],
                   &kept = saved[5], &low = saved[6];
    const at::Tensor x = saved[0].detach(), dy = gradients[0].contiguous();
    const bool to_x = saved[0].requires_grad();
    Variable dx, d_weight, d_bias, d_a, d_b;
    if (trains(weight)) d_weight = product(dy.t(), x.t()).to(weight.scalar_type());
    if (trains(bias)) d_bias = dy.sum(0).to(bias.scalar_type());
    if (to_x) dx = product(dy, as_type_of(x, weight.detach()).t());
    if (!a.defined()) return {dx, d_weight, d_bias, d_a, d_b, {}, {}, {}};
    const double p = context->saved_data["dropout"].toDouble();
    const at::Tensor d_low =
        product(dy, as_type_of(x, b.detach()).t()).mul_(context->saved_data["scale"].toDouble());
    if (trains(b)) d_b = product(dy.t(), low.t()).to(b.scalar_type());
    if (trains(a)) {
      const at::Tensor seen = kept.defined() ? masked(x, kept, p) : x;
      d_a = product(d_low.t(), seen.t()).to(a.scalar_type());
    }
    if (to_x) {
      const at::Tensor through = product(d_low, as_type_of(x, a.detach()).t());
      if (kept.defined())
        add_masked_(dx, through, kept, p);
      else
        dx.add_(through);
    }
    return {dx, d_weight, d_bias, d_a, d_b, {}, {}, {}};
  }
};

std::optional<Variable> given(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional<Variable>(tensor) : std::nullopt;
}

}  // namespace

at::Tensor lora_linear(const at::Tensor& x, const LoraLinear& linear, const LoraConfig& config,
                       const DropoutKey* key) {
  return LoraNode::apply(x.contiguous(), linear.weight, given(linear.bias), given(linear.lora_a),
                         given(linear.lora_b), linear.name, config, key);
}

}  // namespace vega
