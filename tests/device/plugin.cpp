// Stands in for lib/core/plugin_cuda.cpp: the device's answers to core, and its place in LibTorch.
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "core/cuda_table.h"
#include "memory.h"
#include "streams.h"

namespace vega::host_device {
namespace {

struct Event {
  Mark mark;
  std::chrono::steady_clock::time_point when;
};

// One device; its streams are those of streams.h.
struct Guard final : c10::impl::DeviceGuardImplInterface {
  Guard() = default;
  explicit Guard(c10::DeviceType) {}
  static c10::Device device() { return {c10::kCUDA, 0}; }
  c10::DeviceType type() const override { return c10::kCUDA; }
  c10::Device exchangeDevice(c10::Device) const override { return device(); }
  c10::Device getDevice() const override { return device(); }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  static c10::Stream stream(c10::StreamId id) {
    return c10::Stream(c10::Stream::UNSAFE, device(), id);
  }
  c10::Stream getStream(c10::Device) const override { return stream(current_stream()); }
  c10::Stream getDefaultStream(c10::Device) const override { return stream(0); }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override {
    return stream(next_pooled_stream());
  }
  c10::Stream getNewStream(c10::Device, int) const override { return stream(next_pooled_stream()); }
  c10::Stream exchangeStream(c10::Stream s) const override {
    return stream(exchange_stream(s.id()));
  }
  bool queryStream(const c10::Stream& s) const override { return finish_stream(s.id()), true; }
  void synchronizeStream(const c10::Stream& s) const override { finish_stream(s.id()); }
  void synchronizeDevice(c10::DeviceIndex) const override { finish_streams(); }
  void recordDataPtrOnStream(const c10::DataPtr&, const c10::Stream&) const override {}
  // An event is reached at the latest when somebody asks whether it is: nobody waits for ever.
  void record(void** event, const c10::Stream& s, c10::DeviceIndex, c10::EventFlag) const override {
    if (*event == nullptr) *event = new Event;
    *static_cast<Event*>(*event) = {mark_now(s.id()), std::chrono::steady_clock::now()};
  }
  double elapsedTime(void* first, void* last, c10::DeviceIndex) const override {
    const auto span = static_cast<Event*>(last)->when - static_cast<Event*>(first)->when;
    return std::chrono::duration<double, std::milli>(span).count();
  }
  void block(void* event, const c10::Stream& s) const override {
    wait_for(static_cast<Event*>(event)->mark, s.id());
  }
  bool queryEvent(void* event) const override { return synchronizeEvent(event), true; }
  void synchronizeEvent(void* event) const override { reach(static_cast<Event*>(event)->mark); }
  void destroyEvent(void* event, c10::DeviceIndex) const noexcept override {
    delete static_cast<Event*>(event);
  }
};
C10_REGISTER_GUARD_IMPL(CUDA, Guard)

// "yes" to cuDNN: LibTorch then takes the same way through a convolution as on a device.
struct CUDAHooks final : at::CUDAHooksInterface {
  explicit CUDAHooks(at::CUDAHooksArgs) {}
  void init() const override { c10::SetAllocator(c10::kCUDA, &allocator()); }
  bool isPinnedPtr(const void* data) const override { return is_pinned(data); }
  c10::Allocator* getPinnedMemoryAllocator() const override { return &pinned_allocator(); }
  bool hasCUDA() const override { return true; }
  bool hasCUDART() const override { return true; }
  bool hasCuDNN() const override { return true; }
  bool compiledWithCuDNN() const override { return true; }
  bool supportsDilatedConvolutionWithCuDNN() const override { return true; }
  bool supportsDepthwiseConvolutionWithCuDNN() const override { return true; }
  bool supportsBFloat16ConvolutionWithCuDNNv8() const override { return true; }
  long versionCuDNN() const override { return 91900; }
  long versionRuntimeCuDNN() const override { return 91900; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  bool isAvailable() const override { return true; }
  bool isBuilt() const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  c10::DeviceIndex current_device() const override { return 0; }
  int getNumGPUs() const override { return 1; }
};

constexpr const char* kName = "host emulation (no GPU)";

int device_count(int* count) {
  *count = 1;
  return 0;
}
int device_name(int, char* text, int capacity) {
  const auto length = std::min(std::strlen(kName), static_cast<std::size_t>(capacity) - 1);
  std::memcpy(text, kName, length);
  text[length] = '\0';
  return 0;
}
int compute_capability(int, int* major, int* minor) {
  *major = 9;
  *minor = 0;
  return 0;
}
int memory(int, CudaMemory* out) {
  const MemoryState state = memory_state();
  *out = {state.limit - state.held, state.limit, state.held, state.peak};
  return 0;
}
void reset_peak_of(int) { reset_peak(); }
std::int64_t refused_allocations(int) { return memory_state().refused; }
int synchronize(int) {
  finish_streams();
  return 0;
}
void empty_cache() {}
void* stream_of_kernels(int) { return nullptr; }
const char* error_text(int status) {
  return status == 9   ? "invalid configuration argument"
         : status == 2 ? "out of memory"
         : status == 1 ? "invalid argument"
                       : "an error that the host emulation does not know";
}

}  // namespace
}  // namespace vega::host_device

namespace at {
using vega::host_device::CUDAHooks;
REGISTER_CUDA_HOOKS(CUDAHooks)  // LibTorch looks for this name
}  // namespace at

const vega::CudaTable* vega_cuda_table() {
  using namespace vega::host_device;
  std::fprintf(stderr, "cuda:0 is a %s: kernels and operations run on this processor\n", kName);
  static const vega::CudaTable table{sizeof(vega::CudaTable),
                                     vega::kCudaTableVersion,
                                     device_count,
                                     device_name,
                                     compute_capability,
                                     memory,
                                     reset_peak_of,
                                     refused_allocations,
                                     synchronize,
                                     empty_cache,
                                     stream_of_kernels,
                                     error_text};
  return &table;
}
