// RMS norm over channels followed by SiLU, as the Wan VAE's residual blocks use it.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace vega::kernels {

// y = f(x / max(||x||_2, 1e-12) * scale), norm over C at each pixel, f = SiLU or identity.
// x      (N, C, H, W) float32|bfloat16, channels-last contiguous.
// scale  (C) float32: gamma * sqrt(C).
// Returns x's shape, type and memory format. Statistics and SiLU in float32.
// Throws InputError (shape, dtype, device, layout), DeviceError (launch).
// Source: Wan2.1 modules/vae.py, RMS_norm.  Oracle: tests/ref/kernels_ref.h.
at::Tensor rms_silu(const at::Tensor& x, const at::Tensor& scale, bool silu);

// In place: no second activation, and on the CPU no fresh pages.
void rms_silu_(at::Tensor& x, const at::Tensor& scale, bool silu);

// Residual addition fused with the norm that follows: {sum, f(norm(sum))}, sum = x + y rounded to
// their type, and the norm taken of the rounded sum. x, y as x above.
std::pair<at::Tensor, at::Tensor> add_rms_silu(const at::Tensor& x, const at::Tensor& y,
                                               const at::Tensor& scale, bool silu);

}  // namespace vega::kernels
