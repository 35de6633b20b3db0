// The token gate as a node of LibTorch's graph.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/token_gate.h"

namespace vega::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

TokenGateParameters parameters_of(const variable_list& list, std::size_t from) {
  return {list[from],     list[from + 1], list[from + 2], list[from + 3],
          list[from + 4], list[from + 5], list[from + 6]};
}

// A gradient in its parameter's type and shape; nothing for an absent parameter.
Variable fitted(const at::Tensor& gradient, const at::Tensor& parameter) {
  if (!parameter.defined()) return {};
  return gradient.to(parameter.scalar_type()).view(parameter.sizes());
}

struct Node : torch::autograd::Function<Node> {
  static variable_list forward(AutogradContext* context, const Variable& semantic,
                               const Variable& generative, const Variable& w1, const Variable& b1,
                               const Variable& w2, const Variable& b2, const Variable& gate_weight,
                               const Variable& gate_bias, const std::optional<Variable>& scale,
                               std::int64_t form, double eps) {
    const Variable residual_scale = scale.value_or(Variable());
    const at::Tensor s = semantic.contiguous();
    const at::Tensor g = generative.contiguous();
    const TokenGateOutput result =
        token_gate(s, g, {w1, b1, w2, b2, gate_weight, gate_bias, residual_scale},
                   static_cast<GateForm>(form), eps);
    context->save_for_backward(
        {s, g, w1, b1, w2, b2, gate_weight, gate_bias, residual_scale, result.statistics});
    context->saved_data["form"] = form;
    context->set_materialize_grads(false);
    return {result.out, result.gate};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& s = saved[0];
    const TokenGateParameters parameters = parameters_of(saved, 2);
    const at::Tensor d_out =
        gradients[0].defined() ? gradients[0].contiguous() : at::zeros(s.sizes(), s.options());
    std::optional<at::Tensor> d_gate;
    if (gradients[1].defined()) d_gate = gradients[1].contiguous();
    const auto form = static_cast<GateForm>(context->saved_data["form"].toInt());
    const TokenGateGradients d =
        token_gate_backward(d_out, d_gate, s, saved[1], parameters, form, saved[9]);
    const TokenGateParameters& p = d.parameters;
    return {d.d_semantic,
            d.d_generative,
            fitted(p.norm1_weight, parameters.norm1_weight),
            fitted(p.norm1_bias, parameters.norm1_bias),
            fitted(p.norm2_weight, parameters.norm2_weight),
            fitted(p.norm2_bias, parameters.norm2_bias),
            fitted(p.gate_weight, parameters.gate_weight),
            fitted(p.gate_bias, parameters.gate_bias),
            fitted(p.residual_scale, parameters.residual_scale),
            {},
            {}};
  }
};

}  // namespace

std::tuple<at::Tensor, at::Tensor> token_gate_autograd(const at::Tensor& semantic,
                                                       const at::Tensor& generative,
                                                       const TokenGateParameters& p, GateForm form,
                                                       double eps) {
  std::optional<Variable> scale;  // an undefined tensor would not pass as a Variable
  if (p.residual_scale.defined()) scale = p.residual_scale;
  const variable_list result =
      Node::apply(semantic, generative, p.norm1_weight, p.norm1_bias, p.norm2_weight, p.norm2_bias,
                  p.gate_weight, p.gate_bias, scale, static_cast<std::int64_t>(form), eps);
  return {result[0], result[1]};
}

}  // namespace vega::kernels
