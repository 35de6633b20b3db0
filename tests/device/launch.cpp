// Launches: what a device would refuse is refused, everything else runs block after block.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "block.h"
#include "graph.h"
#include "symbols.h"
#include "trace.h"

namespace vega::host_device {
namespace {

constexpr std::size_t kUsualShared = std::size_t{48} << 10;  // of a block, without asking
constexpr std::size_t kMostShared = std::size_t{227} << 10;  // for who asks: compute capability 9.0
constexpr int kThreadsOfProcessor = 2048;

struct Free {
  void operator()(char* memory) const { std::free(memory); }
};

std::mutex one_launch;  // LibTorch's backward pass launches from a thread of its own
std::mutex attributes;
std::map<const void*, std::size_t> allowed_shared;
thread_local cudaError_t error = cudaSuccess;
const void* kernel_now = nullptr;
std::atomic<long> launched{0};
std::unique_ptr<char, Free> dynamic_memory;

cudaError_t keep(cudaError_t status) {
  if (status != cudaSuccess) error = status;
  return status;
}

Order order() {
  static const Order chosen = [] {
    const char* text = std::getenv("VEGA_DEVICE_ORDER");
    const std::string name = text != nullptr ? text : "greedy";
    if (name == "rounds") return Order::kRounds;
    if (name == "reverse") return Order::kReverse;
    if (name != "greedy") fail("VEGA_DEVICE_ORDER is none of greedy, rounds, reverse");
    return Order::kGreedy;
  }();
  return chosen;
}

bool possible(const void* kernel, const cudaLaunchConfig_t& config) {
  const dim3 &g = config.gridDim, &b = config.blockDim;
  const std::lock_guard lock(attributes);
  const auto asked = allowed_shared.find(kernel);
  const std::size_t most =
      asked == allowed_shared.end() ? kUsualShared : std::max(kUsualShared, asked->second);
  return g.x > 0 && g.y > 0 && g.z > 0 && g.x <= 0x7fffffffU && g.y <= 65535 && g.z <= 65535 &&
         b.x > 0 && b.y > 0 && b.z > 0 && b.x <= 1024 && b.y <= 1024 && b.z <= 64 &&
         b.x * b.y * b.z <= 1024 && config.dynamicSmemBytes <= most;
}

// 0xff bytes: NaN as a float and as a bfloat16, -1 as an integer.
void fill_static_shared(const Kernel& kernel) {
  for (const auto variable : kernel.shared) std::memset(variable.data(), 0xff, variable.size());
}

std::unique_ptr<char, Free> make_dynamic_shared(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = nullptr;
  if (posix_memalign(&memory, 128, bytes) != 0) fail("no memory for shared memory");
  std::memset(memory, 0xff, bytes);
  return std::unique_ptr<char, Free>(static_cast<char*>(memory));
}

std::string text_of(const dim3& d) {
  std::string text = std::to_string(d.x);
  if (d.y > 1 || d.z > 1) text += "x" + std::to_string(d.y);
  if (d.z > 1) text += "x" + std::to_string(d.z);
  return text;
}

void note(const Kernel& kernel, const cudaLaunchConfig_t& config) {
  if (!tracing()) return;
  add_to_trace("kernel " + kernel.name + " blocks " + text_of(config.gridDim) + " threads " +
               text_of(config.blockDim));
}

}  // namespace

void* dynamic_shared() { return dynamic_memory.get(); }
long launches() { return launched; }
const void* running_kernel() { return kernel_now; }

cudaError_t launch(const void* kernel, const cudaLaunchConfig_t& config, void (*body)(void*),
                   void* argument) {
  if (!possible(kernel, config)) return keep(cudaErrorInvalidConfiguration);
  const Kernel& known = kernel_at(kernel);
  note(known, config);
  const std::lock_guard lock(one_launch);
  const dim3& g = config.gridDim;
  kernel_now = kernel;
  blockDim = config.blockDim;
  gridDim = g;
  // Blocks may run in any order: every second launch begins with the last.
  const bool backwards = launched++ % 2 == 1;
  const std::uint64_t blocks = std::uint64_t{g.x} * g.y * g.z;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t n = backwards ? blocks - 1 - i : i;
    blockIdx = {static_cast<unsigned>(n % g.x), static_cast<unsigned>(n / g.x % g.y),
                static_cast<unsigned>(n / g.x / g.y)};
    fill_static_shared(known);
    dynamic_memory = make_dynamic_shared(config.dynamicSmemBytes);
    run_block(order(), body, argument);
  }
  dynamic_memory.reset();
  kernel_now = nullptr;
  return cudaSuccess;
}

cudaError_t record_launch(const void* kernel, const cudaLaunchConfig_t& config,
                          std::function<void()> run) {
  if (!possible(kernel, config)) return keep(cudaErrorInvalidConfiguration);
  note(kernel_at(kernel), config);
  record(std::move(run));
  return cudaSuccess;
}

std::size_t static_shared_bytes(const void* kernel) {
  std::size_t bytes = 0;
  for (const auto variable : kernel_at(kernel).shared) bytes += variable.size();
  return bytes;
}

cudaError_t last_error(bool forget) {
  const cudaError_t status = error;
  if (forget) error = cudaSuccess;
  return status;
}

cudaError_t set_attribute(const void* kernel, cudaFuncAttribute name, int value) {
  if (name != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<std::size_t>(value) > kMostShared)
    return keep(cudaErrorInvalidValue);
  const std::lock_guard lock(attributes);
  allowed_shared[kernel] = static_cast<std::size_t>(value);
  return cudaSuccess;
}

int device_attribute(cudaDeviceAttr name) {
  if (name == cudaDevAttrMaxSharedMemoryPerBlockOptin) return static_cast<int>(kMostShared);
  const char* processors = std::getenv("VEGA_DEVICE_PROCESSORS");
  return processors != nullptr ? std::atoi(processors) : 3;
}

int resident_blocks(int threads, std::size_t shared_bytes) {
  const std::size_t by_shared = (kMostShared + 1024) / (shared_bytes + 1024);
  return static_cast<int>(std::min<std::size_t>(
      by_shared, static_cast<std::size_t>(kThreadsOfProcessor / 2 / threads)));
}

}  // namespace vega::host_device
