// Two token streams blended with one learned gate per token: layer norms, dot product, sigmoid and
// blend in one pass over memory, forward and backward (docs/kernels/token_gate.md).
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>

namespace vega::kernels {

// n1 = LN(S; w1, b1), n2 = LN(G; w2, b2); g = sigmoid(gate_weight . [n1; n2] + gate_bias).
//   kRaw       out = g S + (1 - g) G                                        the paper's formula
//   kNormed    out = g n1 + (1 - g) n2                                      the released VEGA-3D
//   kResidual  m = g S + (1 - g) G, out = S + residual_scale (m - S)        the spatial release
enum class GateForm : int { kRaw = 0, kNormed = 1, kResidual = 2 };

// H channels. norm1_* and norm2_* (H), gate_weight (2H) or (1, 2H): S's weights first; gate_bias
// and residual_scale one element each; residual_scale is undefined unless the form is kResidual.
// float32 or bfloat16 each, contiguous, on the device of S; used as float32.
struct TokenGateParameters {
  at::Tensor norm1_weight, norm1_bias, norm2_weight, norm2_bias;
  at::Tensor gate_weight, gate_bias;
  at::Tensor residual_scale;
};

// out: shape and type of S. gate: g, shape of S without its last axis, float32.
// statistics: what the backward pass reads, (tokens, 8) float32: mean, 1/deviation and normed dot
// product of S, the same of G, g, 1 - g.
struct TokenGateOutput {
  at::Tensor out, gate, statistics;
};

// d_semantic, d_generative: shape and type of S. The others float32: norms (H), gate_weight in the
// shape given, gate_bias (1), residual_scale (1) or undefined.
struct TokenGateGradients {
  at::Tensor d_semantic, d_generative;
  TokenGateParameters parameters;
};

// semantic (S), generative (G)  (..., H) float32|bfloat16, H >= 1, contiguous, same shape, type and
// device. Arithmetic is float32, `out` is rounded once. A token's bits depend on the token alone.
// On the CPU tokens are shared between at::get_num_threads() threads. Does not record gradients.
// Throws InputError (shape, dtype, device, layout), DeviceError (launch).
// Source: VEGA-3D and its spatial-reasoning release, feature_fusion.py, "token_gated" and
// "token_gated_residual".  Oracle: tests/ref/token_gate_ref.h.
TokenGateOutput token_gate(const at::Tensor& semantic, const at::Tensor& generative,
                           const TokenGateParameters& parameters, GateForm form, double eps = 1e-5);

// d_out: gradient of `out`, shape and type of S, contiguous. d_gate: gradient of `gate`, float32,
// or nothing. statistics: of the forward call with the same arguments. Sums over tokens have a
// fixed order (docs): the same bits for any number of threads, no atomics. most_chunks: at most so
// many sums over neighbouring tokens are made side by side (0: as many as fill the device).
TokenGateGradients token_gate_backward(const at::Tensor& d_out,
                                       const std::optional<at::Tensor>& d_gate,
                                       const at::Tensor& semantic, const at::Tensor& generative,
                                       const TokenGateParameters& parameters, GateForm form,
                                       const at::Tensor& statistics, std::int64_t most_chunks = 0);

// (out, gate), recorded: gradients flow into S, G and all parameters, each in its own type and
// shape. S and G need not be contiguous.
std::tuple<at::Tensor, at::Tensor> token_gate_autograd(const at::Tensor& semantic,
                                                       const at::Tensor& generative,
                                                       const TokenGateParameters& parameters,
                                                       GateForm form, double eps = 1e-5);

}  // namespace vega::kernels
