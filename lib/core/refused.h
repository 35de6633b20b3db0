// Memory that a device had not, and that whoever asked did without.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace vega {

// How often LibTorch's allocator had no memory in this process: the errors, and the times when
// whoever asked went on without a word. cuDNN does, with another plan for a convolution whose
// workspace does not fit. 0 on the CPU.
// Throws DeviceError where a CUDA device was never opened.
std::int64_t refused_allocations(c10::Device device);

}  // namespace vega

// In the CUDA half.
extern "C" std::int64_t vega_cuda_refused_allocations(int device);
