// Cross-attention to a constant prompt, collapsed to gates (docs/kernels/cross_gate.md).
#pragma once

#include <ATen/core/Tensor.h>

namespace vega::kernels {

// r     = rsqrt(mean(q^2) + eps) of each token
// p_hi  = exp(l_hi r) / (sum_i exp(l_hi r) + exp(log_pad))     softmax over m keys and the pad key
// x    += c + sum_hi p_hi u_hi
// x     (N, L, D) float32, in place.
// ql    (N, L, D + h m, or more) float32|bfloat16: D columns q, then h*m logits (head-major);
// further
//       columns are padding and ignored (a multiple of 8 columns keeps rows aligned).
// c     (D) float32.   u (h m, D) float32, row h*m + i.   heads = h; m = rows of u / heads.
// log_pad = ln of the number of pad rows (ln 511 for the empty prompt, where m = 1); minus infinity
// without one.
// All contiguous, one device. Throws InputError (shape, dtype, device), DeviceError (launch).
// Oracle: tests/ref/kernels_ref.h.
void cross_gate_(at::Tensor& x, const at::Tensor& ql, const at::Tensor& c, const at::Tensor& u,
                 int heads, double log_pad, double eps);

// The same, and the parameter-free layer norm (ln_eps) of the new x in `out` (float32|bfloat16).
at::Tensor cross_gate_layer_norm_(at::Tensor& x, const at::Tensor& ql, const at::Tensor& c,
                                  const at::Tensor& u, int heads, double log_pad, double eps,
                                  double ln_eps, at::ScalarType out);

}  // namespace vega::kernels
