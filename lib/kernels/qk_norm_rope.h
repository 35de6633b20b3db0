// What stands between the qkv matrix and attention: norm of q and k, rotary embedding, head split.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>

namespace vega::kernels {

// In place on qkv: q' = q * rsqrt(mean(q^2) + eps) * wq over the full width D, the same for k with
// wk; then in each head the pair (2j, 2j+1) is rotated: (a c - b s, a s + b c). v stays as it is.
// qkv   (N, L, 3D) float32|bfloat16, contiguous: q, k, v along the last axis.
// wq,wk (D) float32 (wq may carry the softmax scale).
// rope  (L, D/heads/2, 2) float32: cosine and sine of each token and pair, contiguous.
// Returns q, k, v as views of qkv, (N, heads, L, D/heads): attention reads them where they lie, and
// writes its result in their order of memory, which is that of the output matrix. D/heads is even.
// Throws InputError (shape, dtype, device), DeviceError (launch).
// Source: Wan2.1 modules/model.py, WanSelfAttention.  Oracle: tests/ref/kernels_ref.h.
std::array<at::Tensor, 3> qk_norm_rope_(at::Tensor& qkv, const at::Tensor& wq, const at::Tensor& wk,
                                        const at::Tensor& rope, int heads, double eps);

}  // namespace vega::kernels
