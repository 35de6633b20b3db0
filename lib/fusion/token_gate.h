// The token gate behind one function, so that a fused kernel can take its place.
#pragma once

#include <ATen/core/Tensor.h>

#include "fusion/fusion.h"

namespace vega::fusion {

struct Gated {
  at::Tensor out;   // (V, L, H)
  at::Tensor gate;  // (V, L, 1)
};

// s, g (V, L, H) in the type of the weights, contiguous or not; gate_weight (1, 2H), residual_scale
// () for the residual form. Records gradients.
Gated token_gate(GateForm form, const at::Tensor& s, const at::Tensor& g,
                 const kernels::TokenGateParameters& weights);

// The same in LibTorch operators, rounding after each of them as the releases do.
Gated token_gate_by_operators(GateForm form, const at::Tensor& s, const at::Tensor& g,
                              const kernels::TokenGateParameters& weights);

}  // namespace vega::fusion
