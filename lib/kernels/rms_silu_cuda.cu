// Pixels are short rows (96 to 384 channels), so a group of 1 to 32 lanes takes one, up to four
// 16-byte packs a lane: 96 bfloat16 channels are 4 lanes of 3 packs. Everything is read and written
// once.
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

using Args = RmsSilu;

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
    if (a.bias != nullptr) {
      float bias[V];
      load_parameters(a.bias + c, bias);
#pragma unroll
      for (int i = 0; i < V; ++i) x[p][i] += bias[i];
    }
    if constexpr (kAdds) {
#pragma unroll
      for (int i = 0; i < V; ++i) x[p][i] = widen(narrow<T>(x[p][i] + y[p][i]));
      if (a.sum != nullptr) store(static_cast<T*>(a.sum) + offset + c, x[p]);
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

// v of one channel.
template <typename T>
__device__ inline float value_at(const Args& a, std::int64_t row, std::int64_t c) {
  float value = widen(static_cast<const T*>(a.x)[row * a.channels + c]);
  if (a.bias != nullptr) value += a.bias[c];
  if (a.other == nullptr) return value;
  return widen(narrow<T>(value + widen(static_cast<const T*>(a.other)[row * a.channels + c])));
}

// Any width, any alignment: one warp a row, read twice. A lane reads what it alone writes.
template <typename T>
__global__ void __launch_bounds__(kThreads) plain_rows(const Args a) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * (kThreads / 32) + threadIdx.x / 32;
  if (row >= a.rows) return;  // whole warps
  float squares = 0;
  for (std::int64_t c = lane; c < a.channels; c += 32) {
    const float value = value_at<T>(a, row, c);
    squares += value * value;
  }
  const float inverse = inverse_norm(sum_lanes(squares));
  for (std::int64_t c = lane; c < a.channels; c += 32) {
    const float value = value_at<T>(a, row, c);
    if (a.sum != nullptr) static_cast<T*>(a.sum)[row * a.channels + c] = narrow<T>(value);
    static_cast<T*>(a.out)[row * a.channels + c] =
        narrow<T>(finish<T>(a, value, inverse, a.scale[c]));
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
                      aligned(a.scale, 16) && aligned(a.bias, 16);
  if (packed) return launch_packed<T, V, 1>(a, stream);
  constexpr int kRows = kThreads / 32;
  const auto blocks = static_cast<unsigned>((a.rows + kRows - 1) / kRows);
  return launch_kernel(plain_rows<T>, blocks, kThreads, 0, stream, a);
}

// One row of one frame's pixels a block row: blockIdx.y is the row, blockIdx.z the frame. The last
// row, and what is beyond the width, is zero.
template <typename T, int V>
__global__ void __launch_bounds__(kThreads) padded_rows(const AddPadded a) {
  const std::int64_t row = blockIdx.y, frame = blockIdx.z;
  const int packs = static_cast<int>(a.channels / V), wide = static_cast<int>(a.width) * packs;
  const int begin =
      static_cast<int>(blockIdx.x) * kThreads * kPacks + static_cast<int>(threadIdx.x);
  const std::int64_t from = (frame * a.height + row) * wide * V;
  T* out = static_cast<T*>(a.out) + (frame * (a.height + 1) + row) * (wide + packs) * V;
  const int read = row < a.height ? wide : 0;
  float x[kPacks][V], y[kPacks][V];
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int pack = begin + p * kThreads;
    if (pack >= read) continue;
    load(static_cast<const T*>(a.x) + from + static_cast<std::int64_t>(pack) * V, x[p]);
    load(static_cast<const T*>(a.other) + from + static_cast<std::int64_t>(pack) * V, y[p]);
  }
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int pack = begin + p * kThreads;
    if (pack >= wide + packs) continue;
    float bias[V] = {};
    if (a.bias != nullptr && pack < read) load_parameters(a.bias + pack % packs * V, bias);
#pragma unroll
    for (int i = 0; i < V; ++i) x[p][i] = pack < read ? x[p][i] + bias[i] + y[p][i] : 0.0F;
    store(out + static_cast<std::int64_t>(pack) * V, x[p]);
  }
}

template <typename T, int V>
int launch_padded(const AddPadded& a, cudaStream_t stream) {
  const std::int64_t packs = (a.width + 1) * (a.channels / V);
  constexpr int kBlock = kThreads * kPacks;
  const dim3 grid(static_cast<unsigned>((packs + kBlock - 1) / kBlock),
                  static_cast<unsigned>(a.height + 1), static_cast<unsigned>(a.frames));
  return launch_kernel(padded_rows<T, V>, grid, kThreads, 0, stream, a);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_rms_silu(vega::kernels::Element element, const vega::kernels::RmsSilu& args,
                       void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    return launch<decltype(zero)>(args, static_cast<cudaStream_t>(stream));
  });
}

int vega_cuda_add_padded(vega::kernels::Element element, const vega::kernels::AddPadded& args,
                         void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    using T = decltype(zero);
    constexpr int V = 16 / sizeof(T);
    const bool packed = args.channels % V == 0 && aligned(args.x, 16) && aligned(args.other, 16) &&
                        aligned(args.out, 16) && aligned(args.bias, 16);
    const auto launch = packed ? launch_padded<T, V> : launch_padded<T, 1>;
    return launch(args, static_cast<cudaStream_t>(stream));
  });
}
