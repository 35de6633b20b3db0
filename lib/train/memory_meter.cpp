#include "train/memory_meter.h"

#include <c10/core/CPUAllocator.h>
#include <malloc.h>

#include <atomic>

#include "core/device.h"

namespace vega::train {
namespace {

std::atomic<std::int64_t> host_now{0}, host_peak{0};

void count_host(std::int64_t bytes) {
  const std::int64_t now = host_now.fetch_add(bytes) + bytes;
  std::int64_t peak = host_peak.load();
  while (now > peak && !host_peak.compare_exchange_weak(peak, now)) {
  }
}

std::int64_t size_of_block(void* block) {
  return block == nullptr ? 0 : static_cast<std::int64_t>(malloc_usable_size(block));
}

c10::Allocator* host_allocator() {
  static c10::Allocator* const allocator = c10::GetDefaultCPUAllocator();
  return allocator;
}

void give_back(void* block) {
  count_host(-size_of_block(block));
  host_allocator()->raw_deallocate(block);
}

// LibTorch's allocator of the CPU with a count of its blocks. Their addresses are those of malloc
// (posix_memalign), which knows their sizes.
class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* block = host_allocator()->raw_allocate(bytes);
    count_host(size_of_block(block));
    return {block, block, &give_back, at::Device(at::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

void count_host_blocks() {
  static const bool counts = [] {
    static CountingAllocator allocator;
    host_allocator();
    c10::SetCPUAllocator(&allocator, /*priority=*/100);
    return true;
  }();
  static_cast<void>(counts);
}

}  // namespace

MemoryMeter::MemoryMeter(at::Device device) : device_(device) {
  if (!device.is_cuda()) count_host_blocks();
}

std::int64_t MemoryMeter::now() const {
  return device_.is_cuda() ? device_memory(device_).allocated : host_now.load();
}

std::int64_t MemoryMeter::peak() const {
  return device_.is_cuda() ? device_memory(device_).peak : host_peak.load();
}

void MemoryMeter::restart() {
  if (device_.is_cuda()) return reset_peak_memory(device_);
  host_peak.store(host_now.load());
}

}  // namespace vega::train
