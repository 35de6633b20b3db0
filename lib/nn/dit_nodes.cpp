#include "nn/dit_nodes.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/dit_rows.h"

namespace vega::dit_nodes {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

at::Tensor dense(const Variable& gradient) {
  return gradient.defined() ? gradient.detach().contiguous() : gradient;
}

struct Norm : torch::autograd::Function<Norm> {
  static Variable forward(AutogradContext* context, const Variable& x, const Variable& shift,
                          const Variable& scale, double eps, at::ScalarType type) {
    const kernels::DitNormed made = kernels::dit_norm(x, {}, {}, shift, scale, eps, type);
    context->save_for_backward({x, scale, made.statistics});
    return made.out;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto d = kernels::dit_norm_backward({}, dense(gradients[0]), saved[0].detach(), saved[2],
                                              {}, {}, saved[1].detach());
    return {d.dx, d.d_shift, d.d_scale, {}, {}};
  }
};

struct Add : torch::autograd::Function<Add> {
  static Variable forward(AutogradContext* context, const Variable& x, const Variable& y,
                          const Variable& gate) {
    context->save_for_backward({y, gate});
    return kernels::dit_norm(x, y, gate, {}, {}, 0, y.scalar_type()).sum;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor d_sum = dense(gradients[0]);
    const auto d =
        kernels::dit_norm_backward(d_sum, {}, d_sum, {}, saved[0].detach(), saved[1].detach(), {});
    return {d.dx, d.dy, d.d_gate};
  }
};

struct AddNorm : torch::autograd::Function<AddNorm> {
  static variable_list forward(AutogradContext* context, const Variable& x, const Variable& y,
                               const Variable& gate, const Variable& shift, const Variable& scale,
                               double eps) {
    const kernels::DitNormed made =
        kernels::dit_norm(x, y, gate, shift, scale, eps, y.scalar_type());
    context->save_for_backward({made.sum, made.statistics, y, gate, scale});
    context->set_materialize_grads(false);
    return {made.sum, made.out};
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto d = kernels::dit_norm_backward(dense(gradients[0]), dense(gradients[1]),
                                              saved[0].detach(), saved[1], saved[2].detach(),
                                              saved[3].detach(), saved[4].detach());
    return {d.dx, d.dy, d.d_gate, d.d_shift, d.d_scale, {}};
  }
};

struct Heads : torch::autograd::Function<Heads> {
  static variable_list forward(AutogradContext* context, const Variable& qkv,
                               const Variable& norm_q, const Variable& norm_k,
                               const at::Tensor& rope, std::int64_t heads, double eps) {
    context->save_for_backward({qkv, norm_q, norm_k, rope});
    context->saved_data["heads"] = heads;
    context->saved_data["eps"] = eps;
    const at::Tensor made = kernels::dit_heads(qkv, norm_q, norm_k, rope, heads, eps);
    return {made[0], made[1], made[2]};
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto d = kernels::dit_heads_backward(
        dense(gradients[0]), dense(gradients[1]), dense(gradients[2]), saved[0].detach(),
        saved[1].detach(), saved[2].detach(), saved[3], context->saved_data["heads"].toInt(),
        context->saved_data["eps"].toDouble());
    return {d.d_qkv, d.d_norm_q, d.d_norm_k, {}, {}, {}};
  }
};

struct Attention : torch::autograd::Function<Attention> {
  static Variable forward(AutogradContext* context, const Variable& q, const Variable& k,
                          const Variable& v) {
    auto [out, logs] = kernels::dit_attention(q, k, v);
    context->save_for_backward({q, k, v, out, logs});
    return out;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor d = kernels::dit_attention_backward(dense(gradients[0]), saved[3].detach(),
                                                         saved[4], saved[0], saved[1], saved[2]);
    return {d[0], d[1], d[2]};
  }
};

struct Gelu : torch::autograd::Function<Gelu> {
  static Variable forward(AutogradContext* context, const Variable& x) {
    context->save_for_backward({x});
    return kernels::dit_gelu(x);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    return {kernels::dit_gelu_backward(dense(gradients[0]), saved[0].detach())};
  }
};

}  // namespace

at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale,
                          double eps, at::ScalarType type) {
  return Norm::apply(x.contiguous(), shift.contiguous(), scale.contiguous(), eps, type);
}

at::Tensor gated_add(const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate) {
  return Add::apply(x.contiguous(), y.contiguous(), gate.contiguous());
}

std::pair<at::Tensor, at::Tensor> gated_norm(const at::Tensor& x, const at::Tensor& y,
                                             const at::Tensor& gate, const at::Tensor& shift,
                                             const at::Tensor& scale, double eps) {
  const variable_list made = AddNorm::apply(x.contiguous(), y.contiguous(), gate.contiguous(),
                                            shift.contiguous(), scale.contiguous(), eps);
  return {made[0], made[1]};
}

std::array<at::Tensor, 3> normed_heads(const at::Tensor& qkv, const at::Tensor& norm_q,
                                       const at::Tensor& norm_k, const at::Tensor& rope,
                                       std::int64_t heads, double eps) {
  const variable_list made = Heads::apply(qkv.contiguous(), norm_q, norm_k, rope, heads, eps);
  return {made[0], made[1], made[2]};
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return Attention::apply(q.contiguous(), k.contiguous(), v.contiguous());
}

at::Tensor gelu(const at::Tensor& x) { return Gelu::apply(x.contiguous()); }

}  // namespace vega::dit_nodes
