#include "memory.h"

#include <c10/core/Device.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "graph.h"
#include "trace.h"

namespace vega::host_device {
namespace {

std::mutex mutex;
std::int64_t held = 0, peak = 0, refused = 0;

std::int64_t limit() {
  static const std::int64_t bytes = [] {
    const char* text = std::getenv("VEGA_DEVICE_MEMORY");
    return text != nullptr ? std::atoll(text) : std::int64_t{8} << 30;
  }();
  return bytes;
}

bool is_to_fail() {
  static const char* const text = std::getenv("VEGA_DEVICE_FAIL_ALLOCATION");
  static int allocations = 0;
  return text != nullptr && launches() > 0 && ++allocations == std::atoi(text);
}

void count(std::int64_t bytes) {
  const std::lock_guard lock(mutex);
  if (bytes > 0 && (held + bytes > limit() || is_to_fail())) {
    ++refused;
    TORCH_CHECK_WITH(OutOfMemoryError, false,
                     "CUDA out of memory (host emulation). Tried to allocate ", bytes, " bytes, ",
                     limit() - held, " bytes are free");
  }
  held += bytes;
  peak = std::max(peak, held);
}

// Memory that gives itself back; a recording may hold it longer than its tensor.
std::shared_ptr<void> take(std::size_t bytes) {
  const auto size = static_cast<std::int64_t>(bytes);
  count(size);
  void* memory = nullptr;
  TORCH_CHECK(posix_memalign(&memory, 512, bytes) == 0, "no host memory for ", bytes, " bytes");
  std::memset(memory, 0xff, bytes);
  return {memory, [size](void* mine) {
            count(-size);
            std::free(mine);
          }};
}

std::mutex pinned_mutex;
std::map<const char*, std::size_t> pinned;  // first byte, bytes

void give_back_pinned(void* memory) {
  {
    const std::lock_guard lock(pinned_mutex);
    pinned.erase(static_cast<char*>(memory));
  }
  std::free(memory);
}

// Queued copies hold the memory that they read or write, as LibTorch's own allocator does.
class PinnedAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    const c10::Device device(c10::kCPU);
    if (bytes == 0) return {nullptr, device};
    void* memory = nullptr;
    TORCH_CHECK(posix_memalign(&memory, 512, bytes) == 0, "no host memory for ", bytes, " bytes");
    std::memset(memory, 0xff, bytes);
    const std::lock_guard lock(pinned_mutex);
    pinned[static_cast<char*>(memory)] = bytes;
    return {memory, memory, give_back_pinned, device};
  }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
};

void give_back(void* context) { delete static_cast<std::shared_ptr<void>*>(context); }

class Allocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    const c10::Device device(c10::kCUDA, 0);
    if (bytes == 0) return {nullptr, device};
    auto memory = std::make_unique<std::shared_ptr<void>>(take(bytes));
    if (capturing()) keep_for_graph(*memory);
    void* data = memory->get();
    return {data, memory.release(), give_back, device};
  }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
};

}  // namespace

c10::Allocator& allocator() {
  static Allocator one;
  return one;
}

c10::Allocator& pinned_allocator() {
  static PinnedAllocator one;
  return one;
}

bool is_pinned(const void* data) {
  const std::lock_guard lock(pinned_mutex);
  auto after = pinned.upper_bound(static_cast<const char*>(data));
  if (after == pinned.begin()) return false;
  --after;
  return static_cast<const char*>(data) < after->first + after->second;
}

MemoryState memory_state() {
  const std::lock_guard lock(mutex);
  return {limit(), held, peak, refused};
}

void refuse_workspace() {
  const std::lock_guard lock(mutex);
  ++refused;
}

void reset_peak() {
  const std::lock_guard lock(mutex);
  peak = held;
}

}  // namespace vega::host_device
