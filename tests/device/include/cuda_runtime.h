// Stands in for CUDA's header where device code is compiled for the host (docs/device_on_host.md):
// CUDA's words, as far as this project's kernels use them. A word that a new kernel needs and that
// is missing here is a compile error: add it.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <tuple>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static  // one block runs at a time

// ---- vectors

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
#define VEGA_VECTORS(scalar, name)                                     \
  struct alignas(2 * sizeof(scalar)) name##2 {                         \
    scalar x, y;                                                       \
  };                                                                   \
  struct alignas(4 * sizeof(scalar)) name##4 {                         \
    scalar x, y, z, w;                                                 \
  };                                                                   \
  inline name##2 make_##name##2(scalar x, scalar y) { return {x, y}; } \
  inline name##4 make_##name##4(scalar x, scalar y, scalar z, scalar w) { return {x, y, z, w}; }
VEGA_VECTORS(unsigned, uint)
VEGA_VECTORS(int, int)
VEGA_VECTORS(float, float)
#undef VEGA_VECTORS

// ---- the run time

using cudaStream_t = struct CUstream_st*;
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9
};
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9
};
enum { cudaSharedmemCarveoutMaxShared = 100 };
struct cudaFuncAttributes {
  std::size_t sharedSizeBytes;
  int numRegs, maxThreadsPerBlock;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
  void* attrs;
  unsigned numAttrs;
};

#define VEGA_HIDDEN __attribute__((visibility("hidden")))
extern VEGA_HIDDEN uint3 threadIdx, blockIdx;  // of the thread that runs
extern VEGA_HIDDEN dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace vega::host_device {

// The block's dynamic shared memory.
VEGA_HIDDEN void* dynamic_shared();

// Ends the process: what went wrong, and in which kernel, block and thread.
[[noreturn]] VEGA_HIDDEN void fail(const char* what);

// Waits for all threads of the block.
VEGA_HIDDEN void barrier();

// Waits until every lane of `mask` has come with its 8 bytes; returns all 32 lanes' values, to be
// read at once. The calling lane is one of the mask.
VEGA_HIDDEN const std::uint64_t* exchange(unsigned mask, std::uint64_t mine);

// Runs body(argument) once for every thread of the grid, and comes back when all are done. The
// error of a launch that a device would refuse is returned, and kept for cudaGetLastError.
VEGA_HIDDEN cudaError_t launch(const void* kernel, const cudaLaunchConfig_t& config,
                               void (*body)(void*), void* argument);

// The same where the device records (graph.h): `run` is called at each replay.
VEGA_HIDDEN bool capturing();
VEGA_HIDDEN cudaError_t record_launch(const void* kernel, const cudaLaunchConfig_t& config,
                                      std::function<void()> run);

VEGA_HIDDEN const void* running_kernel();
VEGA_HIDDEN std::size_t static_shared_bytes(const void* kernel);
VEGA_HIDDEN cudaError_t last_error(bool forget);
VEGA_HIDDEN cudaError_t set_attribute(const void* kernel, cudaFuncAttribute name, int value);
VEGA_HIDDEN int device_attribute(cudaDeviceAttr name);
VEGA_HIDDEN int resident_blocks(int threads, std::size_t shared_bytes);

template <typename T>
std::uint64_t bytes_of(const T& value) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t raw = 0;
  std::memcpy(&raw, &value, sizeof value);
  return raw;
}
inline unsigned lane() {
  const auto& [x, y, z] = threadIdx;
  return (x + blockDim.x * (y + blockDim.y * z)) % 32;
}
// The value of lane `from`, which has to be one of `mask`.
template <typename T>
T take_from(unsigned mask, const T& mine, unsigned from) {
  if ((mask >> from & 1U) == 0) fail("a lane takes the value of one that is not in the mask");
  const std::uint64_t* all = exchange(mask, bytes_of(mine));
  T value;
  std::memcpy(&value, all + from, sizeof value);
  return value;
}

}  // namespace vega::host_device

inline void* host_dynamic_shared() { return vega::host_device::dynamic_shared(); }

template <typename... P, typename... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...),
                               A&&... arguments) {
  struct Call {
    void (*kernel)(P...);
    std::tuple<P...> arguments;
  };
  const auto call =
      std::make_shared<Call>(Call{kernel, std::tuple<P...>(std::forward<A>(arguments)...)});
  const auto run = [call, config = *config] {
    return vega::host_device::launch(
        reinterpret_cast<const void*>(call->kernel), config,
        [](void* raw) {
          auto* made = static_cast<Call*>(raw);
          std::apply(made->kernel, made->arguments);  // a copy of the arguments for each thread
        },
        call.get());
  };
  if (!vega::host_device::capturing()) return run();
  return vega::host_device::record_launch(reinterpret_cast<const void*>(kernel), *config, run);
}
inline cudaError_t cudaGetLastError() { return vega::host_device::last_error(true); }
inline cudaError_t cudaPeekAtLastError() { return vega::host_device::last_error(false); }
inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr name, int) {
  *value = vega::host_device::device_attribute(name);
  return cudaSuccess;
}
template <typename Kernel>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* out, Kernel kernel) {
  *out = {vega::host_device::static_shared_bytes(reinterpret_cast<const void*>(kernel)), 64, 1024};
  return cudaSuccess;
}
template <typename Kernel>
cudaError_t cudaFuncSetAttribute(Kernel kernel, cudaFuncAttribute name, int value) {
  return vega::host_device::set_attribute(reinterpret_cast<const void*>(kernel), name, value);
}
template <typename Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel, int threads,
                                                          std::size_t shared_bytes) {
  *blocks = vega::host_device::resident_blocks(threads, shared_bytes);
  return cudaSuccess;
}

// ---- threads together

inline void __syncthreads() { vega::host_device::barrier(); }
inline void __syncwarp(unsigned mask = 0xffffffffU) { vega::host_device::exchange(mask, 0); }
template <typename T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
  const unsigned first = vega::host_device::lane() & ~(width - 1U);
  return vega::host_device::take_from(mask, value, first | (from & (width - 1U)));
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int bits) {
  return vega::host_device::take_from(mask, value, vega::host_device::lane() ^ bits);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned by) {
  const unsigned from = vega::host_device::lane() + by;
  return vega::host_device::take_from(mask, value, from < 32 ? from : from - by);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned by) {
  const unsigned lane = vega::host_device::lane();
  return vega::host_device::take_from(mask, value, lane < by ? lane : lane - by);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const std::uint64_t* all = vega::host_device::exchange(mask, predicate != 0);
  unsigned votes = 0;
  for (unsigned i = 0; i < 32; ++i) votes |= (mask >> i & 1U) != 0 && all[i] != 0 ? 1U << i : 0;
  return votes;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) == mask;
}
template <typename T>
T atomicAdd(T* at, T value) {
  const T before = *at;
  *at = before + value;
  return before;
}

// ---- memory with a hint for the cache

template <typename T>
T __ldg(const T* from) {
  return *from;
}
template <typename T>
T __ldcg(const T* from) {
  return *from;
}
template <typename T>
T __ldcs(const T* from) {
  return *from;
}
template <typename T>
void __stwb(T* to, const T& value) {
  *to = value;
}
template <typename T>
void __stcg(T* to, const T& value) {
  *to = value;
}
template <typename T>
void __stcs(T* to, const T& value) {
  *to = value;
}

// ---- numbers

inline float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float __expf(float x) { return std::exp(x); }
inline float rsqrtf(float x) { return 1.0F / std::sqrt(x); }
inline float __frcp_rn(float x) { return 1.0F / x; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fdividef(float x, float y) {  // 0 for a divisor from 2^126 on, as on a device
  return std::fabs(y) > 0x1p126F && std::fabs(y) < INFINITY ? x * 0.0F : x / y;
}
template <typename T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <typename T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}
