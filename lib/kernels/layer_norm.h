// Layer norm without parameters (they are folded into the next matrix), on a float32 residual
// stream.
#pragma once

#include <ATen/core/Tensor.h>

namespace vega::kernels {

// y = (x - mean) * rsqrt(var + eps) over the last axis; mean, then squared deviations, in float32.
// x (..., D) float32, contiguous. Returns x's shape in `out` (float32|bfloat16).
// Throws InputError (shape, dtype, layout), DeviceError (launch).
// Oracle: tests/ref/kernels_ref.h.
at::Tensor layer_norm(const at::Tensor& x, double eps, at::ScalarType out);

// x += y in place, and the layer norm of the sum.
// x (..., D) float32; y x's shape, float32|bfloat16; both contiguous, same device.
at::Tensor add_layer_norm_(at::Tensor& x, const at::Tensor& y, double eps, at::ScalarType out);

// x += y in place (the last residual addition, which no norm follows). Types as above.
void add_(at::Tensor& x, const at::Tensor& y);

}  // namespace vega::kernels
