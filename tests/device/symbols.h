#pragma once

#include <span>
#include <string>
#include <vector>

namespace vega::host_device {

// What the file that a kernel was loaded from says of it.
struct Kernel {
  std::string name = "?";               // "gelu/elements<float, 4>"
  std::vector<std::span<char>> shared;  // its __shared__ variables
};

const Kernel& kernel_at(const void* address);

}  // namespace vega::host_device
