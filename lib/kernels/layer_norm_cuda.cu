// One block a row. A row's float32 values stay in registers (up to 4 packs of 4 a thread), so x is
// read and written once; rows that do not fit that are re-read from the cache. All loads come
// before the first store: nvcc may not move a load across a store that might change it.
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

struct Args {
  float* x;
  const void* y;
  void* out;
  std::int64_t width;
  float eps;
};

constexpr int kPacks = 4;
constexpr int V = 4;

template <typename Y, typename Out>
__global__ void __launch_bounds__(1024) packed_rows(const Args a) {
  __shared__ float shared[32];
  const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * a.width;
  float x[kPacks][V], y[kPacks][V];
  float sum = 0;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t c = (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * V;
    if (c >= a.width) continue;
    load(a.x + offset + c, x[p]);
    if (a.y != nullptr) load(static_cast<const Y*>(a.y) + offset + c, y[p]);
  }
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t c = (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * V;
    if (c >= a.width) continue;
    if (a.y != nullptr) {
#pragma unroll
      for (int i = 0; i < V; ++i) x[p][i] += y[p][i];
      store(a.x + offset + c, x[p]);
    }
#pragma unroll
    for (int i = 0; i < V; ++i) sum += x[p][i];
  }
  if (a.out == nullptr) return;  // the whole grid
  const float share = 1.0F / static_cast<float>(a.width);
  const float mean = sum_block(sum, shared) * share;
  float squares = 0;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t c = (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * V;
    if (c >= a.width) continue;
#pragma unroll
    for (int i = 0; i < V; ++i) squares += (x[p][i] - mean) * (x[p][i] - mean);
  }
  const float scale = rsqrtf(sum_block(squares, shared) * share + a.eps);
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t c = (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * V;
    if (c >= a.width) continue;
#pragma unroll
    for (int i = 0; i < V; ++i) x[p][i] = (x[p][i] - mean) * scale;
    store(static_cast<Out*>(a.out) + offset + c, x[p]);
  }
}

// Any width, any alignment; a thread re-reads only what it wrote itself.
template <typename Y, typename Out>
__global__ void __launch_bounds__(256) plain_rows(const Args a) {
  __shared__ float shared[32];
  const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * a.width;
  float* x = a.x + offset;
  float sum = 0;
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x) {
    float value = x[c];
    if (a.y != nullptr) {
      value += widen(static_cast<const Y*>(a.y)[offset + c]);
      x[c] = value;
    }
    sum += value;
  }
  if (a.out == nullptr) return;
  const float share = 1.0F / static_cast<float>(a.width);
  const float mean = sum_block(sum, shared) * share;
  float squares = 0;
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x) {
    squares += (x[c] - mean) * (x[c] - mean);
  }
  const float scale = rsqrtf(sum_block(squares, shared) * share + a.eps);
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x) {
    static_cast<Out*>(a.out)[offset + c] = narrow<Out>((x[c] - mean) * scale);
  }
}

template <typename Y, typename Out>
int launch(const Args& a, std::int64_t rows, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(rows);
  const bool packed = a.width % V == 0 && a.width <= 1024 * kPacks * V && aligned(a.x, 16) &&
                      aligned(a.y, V * sizeof(Y)) && aligned(a.out, V * sizeof(Out));
  const int threads = packed ? threads_for(a.width / V, kPacks - 1, 1024) : 256;
  return launch_kernel(packed ? packed_rows<Y, Out> : plain_rows<Y, Out>, blocks, threads, 0,
                       stream, a);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_add_layer_norm(float* x, vega::kernels::Element y_element, const void* y,
                             vega::kernels::Element out_element, void* out, std::int64_t rows,
                             std::int64_t width, float eps, void* stream) {
  using namespace vega::kernels::device;
  const Args a{x, y, out, width, eps};
  return with_type(y_element, [&](auto y_zero) {
    return with_type(out_element, [&](auto out_zero) {
      return launch<decltype(y_zero), decltype(out_zero)>(a, rows,
                                                          static_cast<cudaStream_t>(stream));
    });
  });
}
