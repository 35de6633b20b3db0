// The operations of a decoder's layer between its matrix products, with gradients: the arithmetic
// of kernels/decoder_rows.h, which has none.
#pragma once

#include <ATen/core/Tensor.h>

#include "nn/rope.h"

namespace vega {

// weight * round(x * rsqrt(mean(x^2) + eps)) over the last axis, in float32 (float64 for float64)
// and rounded to x's type before the weight and after. x (L, H); weight (H), cast to x's type.
// Source: transformers, Qwen2RMSNorm.
at::Tensor train_rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

// Pair (j, j + hd/2) of each head becomes (a c - b s, b c + a s), each product rounded.
// x (L, heads, hd); rope of x's type and device. Source: transformers, apply_rotary_pos_emb.
at::Tensor train_rope(const at::Tensor& x, const RopeTable& rope);

// silu(gate) * up, the former rounded.
at::Tensor train_swiglu(const at::Tensor& gate, const at::Tensor& up);

}  // namespace vega
