// What the device code shares: vector loads and stores that widen to float32, fixed-order sums,
// SiLU and GELU, dynamic shared memory, and the launch of a kernel. No LibTorch here. Nothing but
// nvcc's own words separates a .cu file from plain C++: tests/device compiles each one for the host.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <utility>

#include "kernels/entry.h"

namespace vega::kernels::device {

constexpr unsigned kFullWarp = 0xffffffffU;

// V consecutive elements, read or written at once: V * sizeof(T) is at most 16 bytes, and the
// address is a multiple of it.
template <typename T, int V>
struct alignas(sizeof(T) * V) Pack {
  T value[V];
};

__device__ inline float widen(float x) { return x; }
__device__ inline float widen(__nv_bfloat16 x) { return __bfloat162float(x); }

template <typename T>
__device__ T narrow(float x);
template <>
__device__ inline float narrow<float>(float x) {
  return x;
}
template <>
__device__ inline __nv_bfloat16 narrow<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

template <typename T, int V>
__device__ inline void load(const T* from, float (&to)[V]) {
  const Pack<T, V> pack = *reinterpret_cast<const Pack<T, V>*>(from);
#pragma unroll
  for (int i = 0; i < V; ++i) to[i] = widen(pack.value[i]);
}

// The pack leaves as one word of 8 or 16 bytes: of a plain assignment nvcc makes stores of parts.
template <typename T, int V>
__device__ inline void store(T* to, const float (&from)[V]) {
  Pack<T, V> pack;
#pragma unroll
  for (int i = 0; i < V; ++i) pack.value[i] = narrow<T>(from[i]);
  if constexpr (sizeof(pack) == 16) {
    __stwb(reinterpret_cast<uint4*>(to), __builtin_bit_cast(uint4, pack));
  } else if constexpr (sizeof(pack) == 8) {
    __stwb(reinterpret_cast<uint2*>(to), __builtin_bit_cast(uint2, pack));
  } else {
    *reinterpret_cast<Pack<T, V>*>(to) = pack;
  }
}

// V parameters, which many blocks read: 16 bytes at a time where V allows, from a boundary of that.
template <typename P, int V>
__device__ inline void load_parameters(const P* from, float (&to)[V]) {
  constexpr int kEach = V * sizeof(P) <= 16 ? V : 16 / static_cast<int>(sizeof(P));
#pragma unroll
  for (int i = 0; i < V; i += kEach) {
    float part[kEach];
    load(from + i, part);
#pragma unroll
    for (int j = 0; j < kEach; ++j) to[i + j] = part[j];
  }
}

// Sum or maximum over groups of `kWidth` neighbouring lanes (a power of two); every lane gets it.
template <int kWidth = 32>
__device__ inline float sum_lanes(float x) {
#pragma unroll
  for (int step = kWidth / 2; step > 0; step /= 2) x += __shfl_xor_sync(kFullWarp, x, step);
  return x;
}
__device__ inline float max_lanes(float x) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(kFullWarp, x, step));
  return x;
}

// Over a whole block of full warps; every thread gets the result. `shared` holds 32 floats and may
// be used again at once.
__device__ inline float sum_block(float x, float* shared) {
  x = sum_lanes(x);
  __syncthreads();
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
  __syncthreads();
  const int warps = static_cast<int>(blockDim.x) / 32;
  float total = 0;
  for (int w = 0; w < warps; ++w) total += shared[w];
  return total;
}
__device__ inline float max_block(float x, float* shared) {
  x = max_lanes(x);
  __syncthreads();
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = x;
  __syncthreads();
  const int warps = static_cast<int>(blockDim.x) / 32;
  float top = shared[0];
  for (int w = 1; w < warps; ++w) top = fmaxf(top, shared[w]);
  return top;
}

// x / (1 + e^z). Fast forms (2 ulp) where the result is rounded to bfloat16 anyway.
template <typename T>
__device__ inline float gate(float x, float z) {
  if constexpr (sizeof(T) == 2) {
    return __fdividef(x, 1.0F + __expf(z));
  } else {
    return x / (1.0F + expf(z));
  }
}
template <typename T>
__device__ inline float silu(float x) {
  return gate<T>(x, -x);
}
// x/2 (1 + tanh u) = x / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3).
template <typename T>
__device__ inline float gelu(float x) {
  return gate<T>(x, x * (-1.595769122F - 0.0713548163F * (x * x)));
}
template <typename T>
__device__ inline float exponential(float x) {
  if constexpr (sizeof(T) == 2) {
    return __expf(x);
  } else {
    return expf(x);
  }
}

// The block's dynamic shared memory: the `shared_bytes` of launch_kernel, from a 16-byte boundary.
template <typename T>
__device__ inline T* dynamic_shared() {
#ifdef __CUDACC__
  extern __shared__ float4 dynamic_memory[];
  return reinterpret_cast<T*>(dynamic_memory);
#else
  return static_cast<T*>(host_dynamic_shared());  // tests/device
#endif
}

// ---- host side

// Queues `kernel` on `stream`. Returns cudaGetLastError(): 0, or why the launch failed.
template <typename... Parameters, typename... Arguments>
int launch_kernel(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
                  cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  (void)cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
  return cudaGetLastError();
}

inline bool aligned(const void* pointer, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(pointer) % bytes == 0;  // null is aligned
}

// Threads for `work` items at up to `each` a thread: full warps, at most `most`.
inline int threads_for(std::int64_t work, int each, int most) {
  const std::int64_t threads = ((work + each - 1) / each + 31) / 32 * 32;
  return static_cast<int>(threads < 32 ? 32 : threads > most ? most : threads);
}

// Calls body(T{}) with the type that `element` names.
template <typename Body>
int with_type(Element element, Body body) {
  return element == Element::kBF16 ? body(__nv_bfloat16{}) : body(float{});
}

}  // namespace vega::kernels::device
