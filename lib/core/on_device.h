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

// work(), with errors of a GPU (out of memory, a failed launch) as DeviceMemoryError and
// DeviceError without the stack trace, and a CPU without memory as std::bad_alloc.
template <typename Work>
auto on_device(at::Device device, const Work& work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError&) {
    const DeviceMemory memory = device_memory(device);
    throw DeviceMemoryError(device_name(device) + ": out of memory, " +
                            std::to_string(memory.free >> 20) + " of " +
                            std::to_string(memory.total >> 20) +
                            " MB free; use a smaller --batch or --size, or --dtype bf16");
  } catch (const c10::Error& error) {
    const bool no_memory =
        std::string_view(error.what()).find("DefaultCPUAllocator") != std::string_view::npos;
    if (no_memory) throw std::bad_alloc();
    if (!device.is_cuda()) throw;
    throw DeviceError(device_name(device) + ": " + error.what_without_backtrace());
  }
}

}  // namespace vega
