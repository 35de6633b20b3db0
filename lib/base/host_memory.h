// The memory of the host that this process may take: the machine's, or less where control groups
// (containers, SLURM jobs) have limits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace vega {

// Bytes.
struct HostMemory {
  std::int64_t available = 0, total = 0;
  // Where a control group leaves less than the machine has, so that `available` is its figure: the
  // file with its limit. Else empty.
  std::string limit;
};

// available: the least of MemAvailable and, for each control group around the process (v1 and v2),
// its limit less what is in use but for page cache and other memory that the kernel gives back.
// total: the least of MemTotal and the limits. 0 where the system says nothing.
// root: where proc and the mounts of control groups are looked up, for tests.
HostMemory host_memory(const std::filesystem::path& root = "/");

}  // namespace vega
