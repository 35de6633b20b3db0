// The operations of a decoder's layer between its matrix products, row by row.
#pragma once

#include <ATen/core/Tensor.h>

namespace vega::kernels {

// out = weight * (x * rsqrt(mean(x^2) + eps)) over the last axis: float32, the quotient rounded to
// x's type before it meets the weight, and again after.
// x (L, H) float32|bfloat16, contiguous; weight (H) of x's type. Rows do not see each other.
// Throws InputError (shape, dtype, device, layout). Source: transformers, Qwen2RMSNorm.
// Oracle: tests/ref/decoder_ref.h.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

// x += y, rounded to their type; then the norm of that.
at::Tensor add_rms_norm_(at::Tensor& x, const at::Tensor& y, const at::Tensor& weight, double eps);

// In place: pair (j, j + hd/2) of each head becomes (a c - b s, b c + a s), each product rounded to
// the type.
// x (L, heads, hd) float32|bfloat16, heads and elements contiguous; cos, sin (L, hd/2) of its type.
// Source: transformers, apply_rotary_pos_emb.  Oracle: tests/ref/decoder_ref.h.
void rope_(at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);

// gate = silu(gate) * up, the former rounded to the type; both of one shape, contiguous.
void swiglu_(at::Tensor& gate, const at::Tensor& up);

}  // namespace vega::kernels
