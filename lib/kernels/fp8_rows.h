// Matrices in 8-bit floats (E4M3: 4 bits of exponent, 3 of fraction, at most 448, no infinity), a
// scale for each row, and products of two of them.
#pragma once

#include <ATen/core/Tensor.h>

namespace vega::kernels {

// A row is values * scale. values (R, K) float8_e4m3fn, scale (R, 1) float32; both contiguous.
struct Fp8Rows {
  at::Tensor values, scale;
};

// What happens to a value before it is rounded.
enum class BeforeFp8 { kNothing, kGelu };  // GELU: tanh form, in float32

// x (R, K) float32|bfloat16, contiguous. scale = the row's largest magnitude / 448, and 1 for a row
// of zeros; values = x * (448 / that magnitude), to nearest, ties to even. A NaN of x is one of
// values. A row's bits depend on the row alone.
// Throws InputError (shape, dtype, layout), DeviceError (launch).
// Oracle: tests/unit/kernels/fp8_rows_test.cpp, conversions of LibTorch.
Fp8Rows fp8_rows(const at::Tensor& x, BeforeFp8 before = BeforeFp8::kNothing);

// x weight^T + bias, rounded once to bfloat16.
// x (R, K), weight (M, K), bias (M) bfloat16; K and M multiples of 16; all on one device.
// On CUDA the products are the tensor cores' own, of compute capability 8.9 and newer (cuBLASLt or
// CUTLASS, by at::_scaled_mm with a scale a row and fast accumulation: partial sums of a tile have
// fewer than float32's bits). On the CPU they are float32 products of the rounded values: what the
// option costs in accuracy, not its speed.
// Throws InputError (shape, dtype, device, layout).
at::Tensor linear_fp8(const Fp8Rows& x, const Fp8Rows& weight, const at::Tensor& bias);

}  // namespace vega::kernels
