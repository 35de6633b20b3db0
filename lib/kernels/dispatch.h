// Helpers of the checks-and-dispatch files (x.cpp): LibTorch on one side, plain pointers on the
// other.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include "base/dtype.h"
#include "core/check.h"
#include "core/device.h"
#include "kernels/entry.h"

namespace vega::kernels {

inline Element element_of(at::ScalarType type) {
  return type == at::kBFloat16 ? Element::kBF16 : Element::kF32;
}
inline Element element_of(const at::Tensor& tensor) { return element_of(tensor.scalar_type()); }

inline void check_out_type(std::string_view op, at::ScalarType out) {
  check_that(out == at::kFloat || out == at::kBFloat16, op, "out", c10::toString(out),
             "Float or BFloat16");
}

// A float32 vector or matrix of parameters.
inline void check_parameter(std::string_view op, std::string_view name, const at::Tensor& tensor,
                            std::initializer_list<std::int64_t> shape, at::Device device) {
  check_shape(op, name, tensor, shape);
  check_dtype(op, name, tensor, {at::kFloat});
  check_device(op, name, tensor, device);
  check_contiguous(op, name, tensor);
}

}  // namespace vega::kernels

// VEGA_LAUNCH(vega_cuda_gelu_tanh, device, element, x, count): finds the function in the CUDA half,
// calls it with the device current and its current stream appended; throws DeviceError.
#define VEGA_LAUNCH(function, device_, ...)                                                    \
  do {                                                                                         \
    const at::Device launch_device = (device_);                                                \
    static auto* const launch =                                                                \
        reinterpret_cast<decltype(&(function))>(::vega::cuda_symbol(#function));               \
    const c10::DeviceGuard guard(launch_device);                                               \
    ::vega::check_cuda(#function, launch(__VA_ARGS__, ::vega::current_stream(launch_device))); \
  } while (false)
