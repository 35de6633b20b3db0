#include "fusion/token_gate.h"

#include <ATen/ATen.h>

#include "kernels/token_gate.h"

namespace vega::fusion {
Gated token_gate(GateForm form, const at::Tensor& s, const at::Tensor& g,
                 const kernels::TokenGateParameters& w) {
  const bool fused = s.scalar_type() == at::kFloat || s.scalar_type() == at::kBFloat16;
  if (!fused) return token_gate_by_operators(form, s, g, w);
  const auto [out, gate] = kernels::token_gate_autograd(s, g, w, form, kLayerNormEps);
  return {out, gate.unsqueeze(-1)};
}

Gated token_gate_by_operators(GateForm form, const at::Tensor& s, const at::Tensor& g,
                              const kernels::TokenGateParameters& w) {
  const std::int64_t width = s.size(-1);
  const at::Tensor n1 = at::layer_norm(s, {width}, w.norm1_weight, w.norm1_bias, kLayerNormEps);
  const at::Tensor n2 = at::layer_norm(g, {width}, w.norm2_weight, w.norm2_bias, kLayerNormEps);
  const at::Tensor gate =
      at::sigmoid(at::linear(at::cat({n1, n2}, -1), w.gate_weight, w.gate_bias));
  const bool normed = form == GateForm::kNormed;
  const at::Tensor mixed = gate * (normed ? n1 : s) + (1 - gate) * (normed ? n2 : g);
  if (form != GateForm::kResidual) return {mixed, gate};
  return {s + w.residual_scale * (mixed - s), gate};
}

}  // namespace vega::fusion
