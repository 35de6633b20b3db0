// Pixels are short rows (96 to 384 channels), so a group of 1 to 32 lanes takes one, up to four
// 16-byte packs a lane: 96 bfloat16 channels are 4 lanes of 3 packs. Everything is read and written
// once.
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

struct Args {
  const void* x;
  const void* other;
  void* sum;
  const float* scale;
  void* out;
  std::int64_t rows, channels;
  bool silu;
};

constexpr int kThreads = 256;
constexpr int kPacks = 4;

__device__ inline float inverse_norm(float squares) {
  const float norm = sqrtf(squares);
  return 1.0F / (norm < 1e-12F ? 1e-12F : norm);  // NaN stays NaN
}

template <typename T>
__device__ inline float finish(const Args& a, float x, float inverse, float scale) {
  const float value = x * inverse * scale;
  return a.silu ? silu<T>(value) : value;
}

template <typename T, int V, int kGroup, bool kAdds>
__global__ void __launch_bounds__(kThreads) packed_rows(const Args a) {
  const int lane = static_cast<int>(threadIdx.x) % kGroup;
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * (kThreads / kGroup) + threadIdx.x / kGroup;
  const bool live = row < a.rows;  // all lanes stay for the shuffles
  const std::int64_t offset = row * a.channels;
  float x[kPacks][V], y[kPacks][V];
  float squares = 0;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = (p * kGroup + lane) * V;
    if (!live || c >= a.channels) continue;
    load(static_cast<const T*>(a.x) + offset + c, x[p]);
    if constexpr (kAdds) load(static_cast<const T*>(a.other) + offset + c, y[p]);
  }
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = (p * kGroup + lane) * V;
    if (!live || c >= a.channels) continue;
    if constexpr (kAdds) {
#pragma unroll
      for (int i = 0; i < V; ++i) x[p][i] = widen(narrow<T>(x[p][i] + y[p][i]));
      store(static_cast<T*>(a.sum) + offset + c, x[p]);
    }
#pragma unroll
    for (int i = 0; i < V; ++i) squares += x[p][i] * x[p][i];
  }
  const float inverse = inverse_norm(sum_lanes<kGroup>(squares));
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = (p * kGroup + lane) * V;
    if (!live || c >= a.channels) continue;
    float scale[V];
    load_parameters(a.scale + c, scale);
#pragma unroll
    for (int i = 0; i < V; ++i) x[p][i] = finish<T>(a, x[p][i], inverse, scale[i]);
    store(static_cast<T*>(a.out) + offset + c, x[p]);
  }
}

// Any width, any alignment: one warp a row, read twice.
template <typename T>
__global__ void __launch_bounds__(kThreads) plain_rows(const Args a) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * (kThreads / 32) + threadIdx.x / 32;
  if (row >= a.rows) return;  // whole warps
  const T* x = static_cast<const T*>(a.x) + row * a.channels;
  const T* other = static_cast<const T*>(a.other);
  T* sum = static_cast<T*>(a.sum);
  T* out = static_cast<T*>(a.out) + row * a.channels;
  float squares = 0;
  for (std::int64_t c = lane; c < a.channels; c += 32) {
    float value = widen(x[c]);
    if (other != nullptr) {
      const T rounded = narrow<T>(value + widen(other[row * a.channels + c]));
      sum[row * a.channels + c] = rounded;
      value = widen(rounded);
    }
    squares += value * value;
  }
  const float inverse = inverse_norm(sum_lanes(squares));
  const T* normed = other != nullptr ? sum + row * a.channels : x;  // each lane reads what it wrote
  for (std::int64_t c = lane; c < a.channels; c += 32) {
    out[c] = narrow<T>(finish<T>(a, widen(normed[c]), inverse, a.scale[c]));
  }
}

template <typename T, int V, int kGroup>
int launch_packed(const Args& a, cudaStream_t stream) {
  const std::int64_t packs = a.channels / V;
  if constexpr (kGroup < 32) {
    if (packs > kGroup * kPacks) return launch_packed<T, V, kGroup * 2>(a, stream);
  }
  constexpr int kRows = kThreads / kGroup;
  const auto blocks = static_cast<unsigned>((a.rows + kRows - 1) / kRows);
  const auto kernel =
      a.other != nullptr ? packed_rows<T, V, kGroup, true> : packed_rows<T, V, kGroup, false>;
  return launch_kernel(kernel, blocks, kThreads, 0, stream, a);
}

template <typename T>
int launch(const Args& a, cudaStream_t stream) {
  constexpr int V = 16 / sizeof(T);
  const bool packed = a.channels % V == 0 && a.channels <= 32 * kPacks * V && aligned(a.x, 16) &&
                      aligned(a.other, 16) && aligned(a.sum, 16) && aligned(a.out, 16) &&
                      aligned(a.scale, 16);
  if (packed) return launch_packed<T, V, 1>(a, stream);
  constexpr int kRows = kThreads / 32;
  const auto blocks = static_cast<unsigned>((a.rows + kRows - 1) / kRows);
  return launch_kernel(plain_rows<T>, blocks, kThreads, 0, stream, a);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_rms_silu(vega::kernels::Element element, const void* x, const void* other, void* sum,
                       const float* scale, void* out, std::int64_t rows, std::int64_t channels,
                       bool silu, void* stream) {
  using namespace vega::kernels::device;
  const Args a{x, other, sum, scale, out, rows, channels, silu};
  return with_type(element, [&](auto zero) {
    return launch<decltype(zero)>(a, static_cast<cudaStream_t>(stream));
  });
}
