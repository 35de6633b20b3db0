// GELU, tanh form: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
#pragma once

#include <ATen/core/Tensor.h>

namespace vega::kernels {

// In place; x float32|bfloat16 of any shape, contiguous; evaluated in float32. Returns x.
// Throws InputError (dtype, layout), DeviceError (launch).  Oracle: tests/ref/kernels_ref.h.
at::Tensor& gelu_tanh_(at::Tensor& x);

// gelu_tanh(x weight^T + bias).
// x (..., K), weight (M, K), bias (M): float32|bfloat16, one type and device; x contiguous, weight
// and bias contiguous. Returns (..., M) in that type.
// On CUDA cuBLAS evaluates GELU on its float32 sums before it rounds them; on the CPU the sums are
// rounded to the type first, which in float32 makes no difference.
// Throws InputError (shape, dtype, device, layout).  Oracle: tests/ref/kernels_ref.h.
at::Tensor linear_gelu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace vega::kernels
