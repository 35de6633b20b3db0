// What a diffusion transformer's block computes between its matrix products, row by row on the CPU,
// forward and backward, without LibTorch's graph: nn/dit_ops.h has that, and the same by LibTorch's
// operators for other devices and float64. Sums over the tokens of a clip go by pieces of 64 tokens
// in their order: no bit depends on the number of threads.
//
// N clips of L tokens, width D; the residual stream, shifts, scales, gates and weights of norms are
// float32, the others float32|bfloat16; all contiguous. Throw InputError (shape, dtype, device,
// layout).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace vega::kernels {

// sum = x + y gate (x itself where y is undefined); out = round(norm(sum) (1 + scale) + shift) and
// statistics (N L, 2), mean and 1 / deviation of its rows; both undefined where `shift` is.
// x (N, L, D); y (N, L, D); gate, shift, scale (N, D).
struct DitNormed {
  at::Tensor sum, out, statistics;
};
DitNormed dit_norm(const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate,
                   const at::Tensor& shift, const at::Tensor& scale, double eps,
                   at::ScalarType type);

// The gradients of its inputs: d_sum, d_out of its results (one of them may be undefined), `normed`
// the sum. dy and d_gate are undefined where y is, d_shift and d_scale where d_out is.
struct DitNormGradients {
  at::Tensor dx, dy, d_gate, d_shift, d_scale;
};
DitNormGradients dit_norm_backward(const at::Tensor& d_sum, const at::Tensor& d_out,
                                   const at::Tensor& normed, const at::Tensor& statistics,
                                   const at::Tensor& y, const at::Tensor& gate,
                                   const at::Tensor& scale);

// qkv (N, L, 3 D) -> (3, N, heads, L, D / heads): q and k normed over D and turned, v as it is
// (nn/dit_ops.h, normed_heads). norm_q, norm_k (D), rope (L, D / heads / 2, 2) float32.
at::Tensor dit_heads(const at::Tensor& qkv, const at::Tensor& norm_q, const at::Tensor& norm_k,
                     const at::Tensor& rope, std::int64_t heads, double eps);

// The gradients of qkv, norm_q and norm_k, from those of q, k and v (N, heads, L, D / heads).
struct DitHeadsGradients {
  at::Tensor d_qkv, d_norm_q, d_norm_k;
};
DitHeadsGradients dit_heads_backward(const at::Tensor& d_q, const at::Tensor& d_k,
                                     const at::Tensor& d_v, const at::Tensor& qkv,
                                     const at::Tensor& norm_q, const at::Tensor& norm_k,
                                     const at::Tensor& rope, std::int64_t heads, double eps);

// softmax(q k^T / sqrt(width)) v, the shares rounded to the type, for q, k, v
// (N, heads, L, width) of one type: (N, L, heads width), and logs (N heads, L) float32 of the sums
// of exponentials, for the backward pass, which makes the shares again. A thread holds the scores
// of one head.
std::pair<at::Tensor, at::Tensor> dit_attention(const at::Tensor& q, const at::Tensor& k,
                                                const at::Tensor& v);
// (3, N, heads, L, width): the gradients of q, k, v, where d_out and out are (N, L, heads width).
at::Tensor dit_attention_backward(const at::Tensor& d_out, const at::Tensor& out,
                                  const at::Tensor& logs, const at::Tensor& q, const at::Tensor& k,
                                  const at::Tensor& v);

// GELU, tanh form, into a new tensor; the gradient of x.
at::Tensor dit_gelu(const at::Tensor& x);
at::Tensor dit_gelu_backward(const at::Tensor& dy, const at::Tensor& x);

}  // namespace vega::kernels
