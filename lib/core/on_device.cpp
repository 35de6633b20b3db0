#include "core/on_device.h"

#include <array>

namespace vega {

bool says_no_device_memory(std::string_view text) {
  constexpr std::array<std::string_view, 4> kWords{
      "CUBLAS_STATUS_ALLOC_FAILED",                             // a handle or its workspace
      "CUDNN_STATUS_ALLOC_FAILED", "DEVICE_ALLOCATION_FAILED",  // cuDNN 8, cuDNN 9
      "CUDA error: out of memory"};
  for (const auto words : kWords) {
    if (text.find(words) != std::string_view::npos) return true;
  }
  return false;
}

DeviceMemoryError no_device_memory(at::Device device) {
  const DeviceMemory memory = device_memory(device);
  return DeviceMemoryError(
      device_name(device) + ": out of memory, " + std::to_string(memory.free >> 20) + " of " +
      std::to_string(memory.total >> 20) +
      " MB free; use a smaller --batch or --size where there is one, or --dtype bf16");
}

}  // namespace vega
