// The emulated device's memory: the host's, counted and limited.
#pragma once

#include <c10/core/Allocator.h>

#include <cstdint>

namespace vega::host_device {

// Fresh memory is NaN in float32 and bfloat16, so that what nobody wrote shows. Throws
// c10::OutOfMemoryError beyond the limit, as LibTorch's own allocator does, and at the N-th
// allocation after the first launch of a kernel where VEGA_DEVICE_FAIL_ALLOCATION is N.
c10::Allocator& allocator();

// Memory of the host whose copies to and from the device need nobody to wait (pinned).
c10::Allocator& pinned_allocator();
bool is_pinned(const void* data);

// Bytes; the limit is VEGA_DEVICE_MEMORY (bytes, default 8 GiB).
struct MemoryState {
  std::int64_t limit, held, peak;
  std::int64_t refused;  // allocations, so far
};
MemoryState memory_state();
void reset_peak();

// As when cuDNN asks for a convolution's workspace, has none, and takes another plan.
void refuse_workspace();

}  // namespace vega::host_device
