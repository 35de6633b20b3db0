// One block a row: its largest magnitude first, then its values. Rows of up to 8 packs a thread
// stay in registers in between, so that x is read, and its GELU evaluated, once.
#include <cuda_fp8.h>

#include "kernels/device.cuh"
#include "kernels/fp8_entry.h"

namespace vega::kernels::device {
namespace {

constexpr int kThreads = 256;

struct Scaling {
  float factor, scale;
};
__device__ inline Scaling scaling_of(float top) {
  if (top < kFp8Least) return {1.0F, 1.0F};
  return {kFp8Most / top, top / kFp8Most};
}

__device__ inline unsigned e4m3x2(float low, float high) {
  return __nv_cvt_float2_to_fp8x2(make_float2(low, high), __NV_SATFINITE, __NV_E4M3);
}

// Eight values a pack: of float32 two loads of 16 bytes, of bfloat16 one.
template <typename T>
__device__ inline void load_eight(const T* from, float (&to)[8]) {
  load_parameters<T, 8>(from, to);
}

template <typename T, bool kGelu, int kPacks>
__global__ void __launch_bounds__(kThreads) packed_rows(const Fp8RowsArgs a) {
  __shared__ float shared[32];
  const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * a.width;
  const T* x = static_cast<const T*>(a.x) + offset;
  const auto width = static_cast<int>(a.width);
  float v[kPacks][8];
  float top = 0;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = (p * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * 8;
    if (c < width) load_eight(x + c, v[p]);
  }
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = (p * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * 8;
    if (c >= width) continue;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      if (kGelu) v[p][i] = gelu<T>(v[p][i]);
      top = fmaxf(top, fabsf(v[p][i]));
    }
  }
  const Scaling s = scaling_of(max_block(top, shared));
  if (threadIdx.x == 0) a.scale[blockIdx.x] = s.scale;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = (p * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * 8;
    if (c >= width) continue;
    uint2 word;
    word.x = e4m3x2(v[p][0] * s.factor, v[p][1] * s.factor) |
             e4m3x2(v[p][2] * s.factor, v[p][3] * s.factor) << 16;
    word.y = e4m3x2(v[p][4] * s.factor, v[p][5] * s.factor) |
             e4m3x2(v[p][6] * s.factor, v[p][7] * s.factor) << 16;
    __stwb(reinterpret_cast<uint2*>(a.values + offset + c), word);
  }
}

// Any width, any alignment; x is read twice.
template <typename T, bool kGelu>
__global__ void __launch_bounds__(kThreads) plain_rows(const Fp8RowsArgs a) {
  __shared__ float shared[32];
  const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * a.width;
  const T* x = static_cast<const T*>(a.x) + offset;
  const auto value = [&](std::int64_t c) { return kGelu ? gelu<T>(widen(x[c])) : widen(x[c]); };
  float top = 0;
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x)
    top = fmaxf(top, fabsf(value(c)));
  const Scaling s = scaling_of(max_block(top, shared));
  if (threadIdx.x == 0) a.scale[blockIdx.x] = s.scale;
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x)
    a.values[offset + c] = static_cast<std::uint8_t>(e4m3x2(value(c) * s.factor, 0.0F) & 0xffU);
}

template <typename T, bool kGelu>
int launch_rows(const Fp8RowsArgs& a, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(a.rows);
  const bool packed = a.width % 8 == 0 && aligned(a.x, 16) && aligned(a.values, 8);
  const std::int64_t packs = a.width / 8;
  const auto with = [&](auto kernel, int each) {
    return launch_kernel(kernel, blocks, threads_for(packs, each, kThreads), 0, stream, a);
  };
  if (packed && packs <= kThreads) return with(packed_rows<T, kGelu, 1>, 1);
  if (packed && packs <= 5 * kThreads) return with(packed_rows<T, kGelu, 5>, 5);
  if (packed && packs <= 8 * kThreads) return with(packed_rows<T, kGelu, 8>, 8);
  return launch_kernel(plain_rows<T, kGelu>, blocks, kThreads, 0, stream, a);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_fp8_rows(vega::kernels::Element element, const vega::kernels::Fp8RowsArgs& args,
                       void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    using T = decltype(zero);
    const auto queue = static_cast<cudaStream_t>(stream);
    return args.gelu ? launch_rows<T, true>(args, queue) : launch_rows<T, false>(args, queue);
  });
}
