// Adaptive average pooling of a token grid.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace vega::kernels {

// Window i of o over n cells: floor(i n / o) .. ceil((i + 1) n / o), exclusive; plain mean in
// float32. x (N, gh*gw, D) float32|bfloat16, contiguous. Returns (N, oh*ow, D) in `out`
// (float32|bfloat16). Throws InputError (shape, dtype, layout), DeviceError (launch).
// Oracle: tests/ref/kernels_ref.h.
at::Tensor pool_tokens(const at::Tensor& x, std::int64_t gh, std::int64_t gw, std::int64_t oh,
                       std::int64_t ow, at::ScalarType out = at::kFloat);

// pool_tokens of gelu_tanh(hidden), which is never written. The mean is taken of unrounded values.
at::Tensor gelu_pool(const at::Tensor& hidden, std::int64_t gh, std::int64_t gw, std::int64_t oh,
                     std::int64_t ow, at::ScalarType out = at::kFloat);

}  // namespace vega::kernels
