// Matrix products of many rows.
#pragma once

#include <ATen/core/Tensor.h>

namespace vega::kernels {

// at::linear: x weight^T + bias, bias undefined: none. On the CPU in float32 by oneDNN, where this
// LibTorch has it: on AMD processors it takes half the time of MKL, which at::linear calls. In
// bfloat16 on processors without AVX-512, where at::linear multiplies number by number: by blocks
// in float32, each sum rounded once. x and weight may be transposes: linear(dy, w.t()) and
// linear(dy.t(), x.t()) are the gradients. x (M, K), weight (N, K), bias (N) of one type and
// device. Throws InputError (shape, dtype, device).
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// at::linear of x (..., K), and in bfloat16 on the CPU linear() of its rows.
at::Tensor linear_bf16(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// Whether LibTorch multiplies bfloat16 by vectors on this processor; else it does so number by
// number, many times as slowly as float32.
bool multiplies_bf16();

}  // namespace vega::kernels
