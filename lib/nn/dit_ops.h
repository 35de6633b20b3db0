// The operations of a diffusion transformer's block between its matrix products, with gradients.
// Sums, norms, modulation and softmax are float32 (float64 of float64), as kernels/layer_norm.h and
// kernels/qk_norm_rope.h compute them without gradients: on the CPU by kernels/dit_rows.h (but for
// float64), elsewhere by LibTorch's operators.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <utility>

namespace vega {

// round(layer_norm(x) (1 + scale) + shift) to `type`, the norm without parameters.
// x (N, L, D), shift and scale (N, D), all of the wide type. Returns (N, L, D).
at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale,
                          double eps, at::ScalarType type);

// x + y gate. x (N, L, D) and gate (N, D) of the wide type, y (N, L, D) of the compute type.
at::Tensor gated_add(const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate);

// gated_add and modulated_norm of its result, to y's type: both.
std::pair<at::Tensor, at::Tensor> gated_norm(const at::Tensor& x, const at::Tensor& y,
                                             const at::Tensor& gate, const at::Tensor& shift,
                                             const at::Tensor& scale, double eps);

// Queries, keys and values of attention, each (N, heads, L, D / heads) of qkv's type:
// q' = q rsqrt(mean(q^2) + eps) weight over the full width, the same for k; then pair (2j, 2j + 1)
// of each head is turned: (a c - b s, a s + b c); v as it is.
// qkv (N, L, 3 D); norm_q, norm_k (D) of the wide type; rope (L, D / heads / 2, 2) of the wide
// type: cosine and sine.
std::array<at::Tensor, 3> normed_heads(const at::Tensor& qkv, const at::Tensor& norm_q,
                                       const at::Tensor& norm_k, const at::Tensor& rope,
                                       std::int64_t heads, double eps);

// (N, L, D) -> (N, heads, L, D / heads); and the same of x rsqrt(mean(x^2) + eps) weight, the norm
// over D, rounded once to x's type. weight (D) of the wide type.
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads);
at::Tensor rms_heads(const at::Tensor& x, const at::Tensor& weight, std::int64_t heads, double eps);

// softmax(q k^T / sqrt(width)) v without a mask. q (N, heads, L, width), k and v
// (N, heads, S, width). Returns (N, L, heads width). On the CPU no more than the scores of a head a
// thread are held; elsewhere all scores are, because LibTorch's fused attention on CUDA gives other
// gradients in each run, bit by bit.
at::Tensor full_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

// GELU, tanh form, of x's type.
at::Tensor train_gelu(const at::Tensor& x);

// Cosine and sine (L, head_dim / 2, 2) of the tokens of a clip, frame by frame, row by row: of the
// pairs of a head, a third (rounded down) turns with the row, a third with the column, the others
// with the frame; pair j of an axis with n pairs by position / 10000^(j / n), computed in float64.
at::Tensor clip_rope(std::int64_t frames, std::int64_t rows, std::int64_t columns,
                     std::int64_t head_dim, at::ScalarType type);

}  // namespace vega
