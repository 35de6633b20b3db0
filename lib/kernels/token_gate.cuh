// What the token gate's two passes share on the device: 16 bytes at a time, several sums over a
// block at once, and a thread's own parameters in shared memory.
#pragma once

#include <map>
#include <mutex>
#include <tuple>

#include "kernels/device.cuh"

namespace vega::kernels::device {

template <typename T>
constexpr int kVector = 16 / static_cast<int>(sizeof(T));  // elements of 16 bytes

// Read once, written once: no use in a cache.
__device__ inline uint4 load_once(const void* from) {
  return __ldcs(static_cast<const uint4*>(from));
}
__device__ inline void store_once(void* to, const uint4& value) {
  __stcs(static_cast<uint4*>(to), value);
}

template <typename T>
__device__ inline void unpack(const uint4& raw, float (&to)[kVector<T>]) {
  const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if constexpr (sizeof(T) == 2) {
      to[2 * i] = __uint_as_float(words[i] << 16);
      to[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000U);
    } else {
      to[i] = __uint_as_float(words[i]);
    }
  }
}

template <typename T>
__device__ inline uint4 pack(const float (&from)[kVector<T>]) {
  unsigned words[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if constexpr (sizeof(T) == 2) {
      const unsigned low = __bfloat16_as_ushort(__float2bfloat16_rn(from[2 * i]));
      const unsigned high = __bfloat16_as_ushort(__float2bfloat16_rn(from[2 * i + 1]));
      words[i] = low | (high << 16);
    } else {
      words[i] = __float_as_uint(from[i]);
    }
  }
  return make_uint4(words[0], words[1], words[2], words[3]);
}

// Sums of several values at once over a block of full warps. Every value goes through the same
// tree, so its bits do not depend on its place. Two sets of shared memory take turns: one barrier a
// call. All threads of the block construct one and make the same calls.
class BlockSums {
 public:
  static constexpr int kMost = 8;                 // values of a call
  static constexpr int kFloats = 2 * kMost * 32;  // of shared memory, 16-byte aligned

  // Places of warps that the block has not stay zero.
  __device__ explicit BlockSums(float* shared) : shared_(shared) {
    for (int i = static_cast<int>(threadIdx.x); i < kFloats; i += static_cast<int>(blockDim.x)) {
      shared[i] = 0;
    }
    __syncthreads();
  }

  // x[i] becomes the block's sum of x[i]; N is 1, 2, 4 or 8.
  template <int N>
  __device__ void operator()(float (&x)[N]) {
    static_assert(N <= kMost && (N & (N - 1)) == 0);
    constexpr int kGroup = 32 / N;  // lanes that hold one value once the others are handed over
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    float* set = shared_ + turn_ * (kMost * 32);
    turn_ ^= 1;
    // Each step halves the values a lane holds: it sends the half that its partner keeps.
    int step = 16;
#pragma unroll
    for (int n = N / 2; n > 0; n /= 2, step /= 2) {
      const bool upper = (lane & step) != 0;
#pragma unroll
      for (int i = 0; i < n; ++i) {
        const float given = upper ? x[i] : x[i + n];
        const float kept = upper ? x[i + n] : x[i];
        x[i] = kept + __shfl_xor_sync(kFullWarp, given, step);
      }
    }
    float total = x[0];  // of value lane / kGroup
#pragma unroll
    for (; step > 0; step /= 2) total += __shfl_xor_sync(kFullWarp, total, step);
    if (lane % kGroup == 0) set[lane / kGroup * 32 + warp] = total;
    __syncthreads();
    // The 32 parts of value lane / kGroup, N of them to a lane.
    total = 0;
#pragma unroll
    for (int i = 0; i < N; ++i) total += set[lane * N + i];
#pragma unroll
    for (int s = kGroup / 2; s > 0; s /= 2) total += __shfl_xor_sync(kFullWarp, total, s);
#pragma unroll
    for (int i = 0; i < N; ++i) x[i] = __shfl_sync(kFullWarp, total, i * kGroup);
  }

 private:
  float* shared_;
  int turn_ = 0;
};

// Float vectors that a thread keeps for itself in shared memory; neighbouring threads' 16-byte
// pieces lie side by side. No barrier: nobody else reads them.
template <int V>
class Own {
 public:
  __device__ explicit Own(float4* shared) : shared_(shared + threadIdx.x) {}
  __device__ void put(int slot, const float (&from)[V]) {
#pragma unroll
    for (int i = 0; i < V / 4; ++i) {
      shared_[(slot * (V / 4) + i) * static_cast<int>(blockDim.x)] =
          make_float4(from[4 * i], from[4 * i + 1], from[4 * i + 2], from[4 * i + 3]);
    }
  }
  __device__ void get(int slot, float (&to)[V]) const {
#pragma unroll
    for (int i = 0; i < V / 4; ++i) {
      const float4 piece = shared_[(slot * (V / 4) + i) * static_cast<int>(blockDim.x)];
      to[4 * i] = piece.x;
      to[4 * i + 1] = piece.y;
      to[4 * i + 2] = piece.z;
      to[4 * i + 3] = piece.w;
    }
  }

 private:
  float4* shared_;
};

// ---- host side

template <typename P>
bool parameters_aligned(const TokenGateOf<P>& a) {
  return aligned(a.w1, 16) && aligned(a.b1, 16) && aligned(a.w2, 16) && aligned(a.b2, 16) &&
         aligned(a.gate_w, 16) && a.width * sizeof(P) % 16 == 0;  // the second half of gate_w too
}

// How many blocks of a kernel the current device runs at once. 0: it has not the shared memory.
struct Residency {
  int blocks = 0;
  cudaError_t status = cudaSuccess;
};

template <typename Kernel>
Residency ask_residency(Kernel kernel, int device, int threads, std::size_t shared_bytes) {
  Residency r;
  int processors = 0, most = 0, each = 0;
  const auto ask = [&](cudaError_t status) {
    if (r.status == cudaSuccess) r.status = status;
    return r.status == cudaSuccess;
  };
  ask(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device));
  ask(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  cudaFuncAttributes attributes{};
  if (!ask(cudaFuncGetAttributes(&attributes, kernel))) return r;
  const int left = most - static_cast<int>(attributes.sharedSizeBytes);
  if (static_cast<std::int64_t>(shared_bytes) > left) return r;
  if (shared_bytes > 0) {  // a limit for all widths: asked once, used by launches of any size
    ask(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, left));
    ask(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                             cudaSharedmemCarveoutMaxShared));
  }
  ask(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, kernel, threads, shared_bytes));
  if (r.status == cudaSuccess) r.blocks = each * processors;
  return r;
}

// ask_residency, once a kernel, device and size; a failure is not kept.
template <typename Kernel>
Residency residency(Kernel kernel, int threads, std::size_t shared_bytes) {
  using Call = std::tuple<const void*, int, int, std::size_t>;
  static std::mutex mutex;
  static std::map<Call, Residency> known;
  int device = 0;
  const cudaError_t status = cudaGetDevice(&device);
  if (status != cudaSuccess) return {0, status};
  const Call call{reinterpret_cast<const void*>(kernel), device, threads, shared_bytes};
  const std::lock_guard lock(mutex);
  const auto found = known.find(call);
  if (found != known.end()) return found->second;
  const Residency r = ask_residency(kernel, device, threads, shared_bytes);
  if (r.status == cudaSuccess) known.emplace(call, r);
  return r;
}

// Calls body(std::integral_constant-like value) with the form as a constant.
template <int kValue>
struct Form {
  static constexpr int value = kValue;
};
template <typename Body>
int with_form(int form, Body body) {
  return form == 1 ? body(Form<1>{}) : form == 2 ? body(Form<2>{}) : body(Form<0>{});
}

// Calls body(T{}, P{}) with the types of the streams and of the parameters: P is T or float.
template <typename Body>
int with_types(Element element, Element parameters, Body body) {
  if (element != Element::kBF16) return body(float{}, float{});
  if (parameters != Element::kBF16) return body(__nv_bfloat16{}, float{});
  return body(__nv_bfloat16{}, __nv_bfloat16{});
}

}  // namespace vega::kernels::device
