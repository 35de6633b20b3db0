// LibTorch's own errors while computing become ours.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <new>
#include <string>
#include <string_view>

#include "base/error.h"
#include "core/device.h"

namespace vega {

// Whether the text of an error of LibTorch says that the GPU's memory is used up. The allocator has
// an error type of its own; cuBLAS, cuDNN and the driver, which allocate beside it, only have
// words.
bool says_no_device_memory(std::string_view text);

// The error for it: the device, how much of its memory is free, the remedy.
DeviceMemoryError no_device_memory(at::Device device);

// work(), with errors of a GPU (out of memory, a failed launch) as DeviceMemoryError and
// DeviceError without the stack trace, and a CPU without memory as std::bad_alloc.
template <typename Work>
auto on_device(at::Device device, const Work& work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError&) {
    throw no_device_memory(device);
  } catch (const c10::Error& error) {
    const bool no_memory =
        std::string_view(error.what()).find("DefaultCPUAllocator") != std::string_view::npos;
    if (no_memory) throw std::bad_alloc();
    if (!device.is_cuda()) throw;
    if (says_no_device_memory(error.what_without_backtrace())) throw no_device_memory(device);
    throw DeviceError(device_name(device) + ": " + error.what_without_backtrace());
  }
}

}  // namespace vega
