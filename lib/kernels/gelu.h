// GELU, tanh form: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
#pragma once

#include <ATen/core/Tensor.h>

namespace vega::kernels {

// In place; x float32|bfloat16 of any shape, contiguous; evaluated in float32. Returns x.
// Throws InputError (dtype, layout), DeviceError (launch).  Oracle: tests/ref/kernels_ref.h.
at::Tensor& gelu_tanh_(at::Tensor& x);

}  // namespace vega::kernels
