#include "nn/train_ops.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/decoder_rows.h"
#include "kernels/train_rows.h"

namespace vega {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// Kernels with a backward pass: on the CPU, but for float64. Elsewhere LibTorch's operators.
bool has_train_kernels(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

struct NormNode : torch::autograd::Function<NormNode> {
  static Variable forward(AutogradContext* context, const Variable& x, const Variable& weight,
                          double eps) {
    context->save_for_backward({x, weight});
    context->saved_data["eps"] = eps;
    return kernels::rms_norm(x, weight.to(x.scalar_type()), eps);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor x = saved[0].detach(), weight = saved[1].detach().to(x.scalar_type());
    const double eps = context->saved_data["eps"].toDouble();
    const at::Tensor dy = gradients[0].contiguous();
    Variable dx, d_weight;
    if (saved[0].requires_grad()) dx = kernels::rms_norm_backward(dy, x, weight, eps);
    if (saved[1].requires_grad()) {
      const at::Tensor normed = kernels::rms_norm(x, at::ones_like(weight), eps);
      d_weight = (dy.to(at::kFloat) * normed).sum(0).to(saved[1].scalar_type());
    }
    return {dx, d_weight, {}};
  }
};

struct RopeNode : torch::autograd::Function<RopeNode> {
  static Variable forward(AutogradContext* context, const Variable& x, const at::Tensor& cos,
                          const at::Tensor& sin) {
    context->save_for_backward({cos, sin});
    at::Tensor out = x.clone(at::MemoryFormat::Contiguous);
    kernels::rope_(out, cos, sin);
    return out;
  }

  // Turned back.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    at::Tensor dx = gradients[0].clone(at::MemoryFormat::Contiguous);
    kernels::rope_(dx, saved[0], saved[1].neg());
    return {dx, {}, {}};
  }
};

struct SwigluNode : torch::autograd::Function<SwigluNode> {
  static Variable forward(AutogradContext* context, const Variable& gate, const Variable& up) {
    context->save_for_backward({gate, up});
    return kernels::swiglu(gate, up);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    auto [d_gate, d_up] =
        kernels::swiglu_backward(gradients[0].contiguous(), saved[0].detach(), saved[1].detach());
    return {d_gate, d_up};
  }
};

}  // namespace

at::Tensor train_rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (has_train_kernels(x)) return NormNode::apply(x.contiguous(), weight, eps);
  const at::Tensor wide = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  const at::Tensor scale = at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps);
  return weight.to(x.scalar_type()) * (wide * scale).to(x.scalar_type());
}

at::Tensor train_rope(const at::Tensor& x, const RopeTable& rope) {
  if (has_train_kernels(x)) return RopeNode::apply(x, rope.cos, rope.sin);
  const auto halves = x.chunk(2, -1);
  const at::Tensor cos = rope.cos.unsqueeze(1), sin = rope.sin.unsqueeze(1);
  return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1);
}

at::Tensor train_swiglu(const at::Tensor& gate, const at::Tensor& up) {
  if (has_train_kernels(gate)) return SwigluNode::apply(gate.contiguous(), up.contiguous());
  return at::silu(gate) * up;
}

}  // namespace vega
