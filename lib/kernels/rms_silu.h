// RMS norm over channels followed by SiLU, as the Wan VAE's residual blocks use it, and the
// addition before it.
#pragma once

#include <ATen/core/Tensor.h>

namespace vega::kernels {

// y = f(v / max(||v||_2, 1e-12) * scale), norm over C at each pixel, f = SiLU or identity.
// x      (N, C, H, W) float32|bfloat16, channels-last contiguous; v = x + bias in float32.
// scale  (C) float32: gamma * sqrt(C).
// bias   (C) float32, of the convolution that gave x; undefined: none.
// Returns x's shape, type and memory format. Statistics and SiLU in float32.
// Throws InputError (shape, dtype, device, layout), DeviceError (launch).
// Source: Wan2.1 modules/vae.py, RMS_norm.  Oracle: tests/ref/kernels_ref.h.
at::Tensor rms_silu(const at::Tensor& x, const at::Tensor& scale, bool silu,
                    const at::Tensor& bias = {});

// In place: no second activation, and on the CPU no fresh pages.
void rms_silu_(at::Tensor& x, const at::Tensor& scale, bool silu, const at::Tensor& bias = {});

// Residual addition fused with the norm that follows: x becomes the sum x + bias + y, in float32
// and rounded once to their type; returned is f(norm) of that rounded sum. y as x above.
at::Tensor add_rms_silu_(at::Tensor& x, const at::Tensor& y, const at::Tensor& scale, bool silu,
                         const at::Tensor& bias = {});

// The same where nobody needs the sum itself: x becomes f(norm).
void norm_of_sum_(at::Tensor& x, const at::Tensor& y, const at::Tensor& scale, bool silu,
                  const at::Tensor& bias = {});

// x + bias + y, rounded once, with a row of zeros below and a column of zeros on the right: (N, C,
// H + 1, W + 1), for a convolution of stride 2. x, y, bias as above.
at::Tensor add_padded(const at::Tensor& x, const at::Tensor& y, const at::Tensor& bias = {});

}  // namespace vega::kernels
