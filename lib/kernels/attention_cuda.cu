// Softmax of the score rows of the VAE's wide attention: one block a row. Up to 16384 scores stay
// in registers (8 packs of 4 a thread); longer or odd rows are read three times.
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

constexpr int kThreads = 512;
constexpr int kPacks = 8;
constexpr int V = 4;
constexpr float kLowest = -3.402823466e38F;

template <typename T>
__global__ void __launch_bounds__(kThreads)
    packed_rows(const float* scores, T* out, std::int64_t width) {
  __shared__ float shared[32];
  const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * width;
  float s[kPacks][V];
  float top = kLowest;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = (p * kThreads + static_cast<int>(threadIdx.x)) * V;
    if (c >= width) continue;
    load(scores + offset + c, s[p]);
#pragma unroll
    for (int i = 0; i < V; ++i) top = fmaxf(top, s[p][i]);
  }
  top = max_block(top, shared);
  float total = 0;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = (p * kThreads + static_cast<int>(threadIdx.x)) * V;
    if (c >= width) continue;
#pragma unroll
    for (int i = 0; i < V; ++i) {
      s[p][i] = exponential<T>(s[p][i] - top);
      total += s[p][i];
    }
  }
  const float scale = 1.0F / sum_block(total, shared);
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = (p * kThreads + static_cast<int>(threadIdx.x)) * V;
    if (c >= width) continue;
#pragma unroll
    for (int i = 0; i < V; ++i) s[p][i] *= scale;
    store(out + offset + c, s[p]);
  }
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    plain_rows(const float* scores, T* out, std::int64_t width) {
  __shared__ float shared[32];
  const float* s = scores + static_cast<std::int64_t>(blockIdx.x) * width;
  T* y = out + static_cast<std::int64_t>(blockIdx.x) * width;
  float top = kLowest;
  for (std::int64_t c = threadIdx.x; c < width; c += kThreads) top = fmaxf(top, s[c]);
  top = max_block(top, shared);
  float total = 0;
  for (std::int64_t c = threadIdx.x; c < width; c += kThreads) total += exponential<T>(s[c] - top);
  const float scale = 1.0F / sum_block(total, shared);
  for (std::int64_t c = threadIdx.x; c < width; c += kThreads) {
    y[c] = narrow<T>(exponential<T>(s[c] - top) * scale);
  }
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_softmax_rows(vega::kernels::Element element, const float* scores, void* out,
                           std::int64_t rows, std::int64_t width, void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    using T = decltype(zero);
    const auto queue = static_cast<cudaStream_t>(stream);
    const auto blocks = static_cast<unsigned>(rows);
    const bool packed = width % V == 0 && width <= std::int64_t{kThreads} * kPacks * V &&
                        aligned(scores, 16) && aligned(out, V * sizeof(T));
    return launch_kernel(packed ? packed_rows<T> : plain_rows<T>, blocks, kThreads, 0, queue,
                         scores, static_cast<T*>(out), width);
  });
}
