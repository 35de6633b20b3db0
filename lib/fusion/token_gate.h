// The token gate behind one function, so that a fused kernel can take its place.
#pragma once

#include <ATen/core/Tensor.h>

#include "fusion/fusion.h"

namespace vega::fusion {

struct TokenGateWeights {
  at::Tensor norm1_weight, norm1_bias, norm2_weight, norm2_bias;  // (H)
  at::Tensor gate_weight, gate_bias;                              // (1, 2H), (1)
  at::Tensor residual_scale;                                      // (), form residual only
};

struct Gated {
  at::Tensor out;   // (V, L, H)
  at::Tensor gate;  // (V, L, 1)
};

// s, g (V, L, H) in the type of the weights, contiguous or not. Records gradients.
Gated token_gate(GateForm form, const at::Tensor& s, const at::Tensor& g,
                 const TokenGateWeights& weights);

// The same in LibTorch operators, rounding after each of them as the releases do.
Gated token_gate_by_operators(GateForm form, const at::Tensor& s, const at::Tensor& g,
                              const TokenGateWeights& weights);

}  // namespace vega::fusion
