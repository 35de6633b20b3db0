// The operations of a decoder between its products. A row's bits depend on the row alone, and
// roundings are those of the CPU's kernels: products of the rotation are rounded one by one (no
// fused multiply-add), silu before its product.
#include "kernels/decoder_entry.h"
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

constexpr int kThreads = 256;

template <typename T>
__device__ inline float rounded(float x) {
  return widen(narrow<T>(x));
}

struct Norm {
  void* x;
  const void *y, *weight;
  void* out;
  std::int64_t width;
  float eps;
};

// A block a row, read twice; each thread reads again what it wrote.
template <typename T, int V>
__global__ void __launch_bounds__(kThreads) norm(const Norm a) {
  __shared__ float sums[32];
  const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * a.width;
  T* x = static_cast<T*>(a.x) + offset;
  const T* y = a.y == nullptr ? nullptr : static_cast<const T*>(a.y) + offset;
  const std::int64_t begin = static_cast<std::int64_t>(threadIdx.x) * V, step = blockDim.x * V;
  float squares = 0;
  for (std::int64_t c = begin; c < a.width; c += step) {
    float value[V];
    load(x + c, value);
    if (y != nullptr) {
      float other[V];
      load(y + c, other);
#pragma unroll
      for (int i = 0; i < V; ++i) value[i] = rounded<T>(value[i] + other[i]);
      store(x + c, value);
    }
#pragma unroll
    for (int i = 0; i < V; ++i) squares += value[i] * value[i];
  }
  const float scale = 1.0F / sqrtf(sum_block(squares, sums) / static_cast<float>(a.width) + a.eps);
  T* out = static_cast<T*>(a.out) + offset;
  for (std::int64_t c = begin; c < a.width; c += step) {
    float value[V], weight[V];
    load(x + c, value);
    load(static_cast<const T*>(a.weight) + c, weight);
#pragma unroll
    for (int i = 0; i < V; ++i) value[i] = weight[i] * rounded<T>(value[i] * scale);
    store(out + c, value);
  }
}

// V pairs (j, j + half) of a head, turned, from `from` to `to`.
template <typename T, int V>
__device__ inline void turn(const T* from, T* to, const T* cos, const T* sin, int half) {
  float left[V], right[V], c[V], s[V], first[V], second[V];
  load(from, left);
  load(from + half, right);
  load(cos, c);
  load(sin, s);
#pragma unroll
  for (int i = 0; i < V; ++i) {
    first[i] =
        __fsub_rn(rounded<T>(__fmul_rn(left[i], c[i])), rounded<T>(__fmul_rn(right[i], s[i])));
    second[i] =
        __fadd_rn(rounded<T>(__fmul_rn(right[i], c[i])), rounded<T>(__fmul_rn(left[i], s[i])));
  }
  store(to, first);
  store(to + half, second);
}

struct Rope {
  void* x;
  const void *cos, *sin;
  int heads, half;
  std::int64_t stride;
};

// Grid: rows, pieces of a row.
template <typename T, int V>
__global__ void __launch_bounds__(kThreads) rope(const Rope a) {
  const int each = a.half / V;
  const int n = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
  if (n >= a.heads * each) return;
  const int head = n / each, j = n % each * V;
  const std::int64_t row = blockIdx.x;
  T* x = static_cast<T*>(a.x) + row * a.stride + head * 2 * a.half + j;
  turn<T, V>(x, x, static_cast<const T*>(a.cos) + row * a.half + j,
             static_cast<const T*>(a.sin) + row * a.half + j, a.half);
}

// Grid: pieces of a row, sequences. Queries are turned in place; keys are turned and values copied
// to where the table has the sequence's last token.
template <typename T, int V>
__global__ void __launch_bounds__(kThreads) append(const CacheAppend a) {
  const int half = static_cast<int>(a.head_dim) / 2, each = half / V;
  const int heads = static_cast<int>(a.kv_heads * a.group), kv_heads = static_cast<int>(a.kv_heads);
  const int n = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const std::int64_t row = blockIdx.y;
  const std::int64_t* words = a.table.words + row * a.table.stride;
  if (n >= (heads + 2 * kv_heads) * each || words[0] == 0) return;
  int head = n / each;
  const int j = n % each * V;
  const T* cos = static_cast<const T*>(a.cos) + row * half + j;
  const T* sin = static_cast<const T*>(a.sin) + row * half + j;
  if (head < heads) {
    T* q = static_cast<T*>(a.q) + (row * heads + head) * a.head_dim + j;
    turn<T, V>(q, q, cos, sin, half);
    return;
  }
  head -= heads;
  const bool value = head >= kv_heads;
  if (value) head -= kv_heads;
  const T* from =
      static_cast<const T*>(value ? a.v : a.k) + (row * kv_heads + head) * a.head_dim + j;
  const std::int64_t* run = words + CacheTable::kHead + (words[1] - 1) * CacheTable::kRun;
  T* to = reinterpret_cast<T*>(run[value ? 1 : 0]) + a.layer * run[2] + head * run[3] +
          (words[0] - 1 - run[4]) * a.head_dim + j;
  if (value) {
    float left[V], right[V];
    load(from, left);
    load(from + half, right);
    store(to, left);
    store(to + half, right);
  } else {
    turn<T, V>(from, to, cos, sin, half);
  }
}

template <typename T, int V>
__global__ void __launch_bounds__(kThreads) swiglu(T* gate, const T* up, std::int64_t count) {
  const std::int64_t n = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * V;
  if (n >= count) return;
  float a[V], b[V];
  load(gate + n, a);
  load(up + n, b);
#pragma unroll
  for (int i = 0; i < V; ++i) a[i] = rounded<T>(silu<T>(a[i])) * b[i];
  store(gate + n, a);
}

unsigned pieces(std::int64_t items) {
  return static_cast<unsigned>((items + kThreads - 1) / kThreads);
}

template <typename T>
int launch_norm(const Norm& a, std::int64_t rows, cudaStream_t stream) {
  constexpr int V = 16 / sizeof(T);
  const auto grid = static_cast<unsigned>(rows);
  const bool packed = a.width % V == 0 && aligned(a.x, 16) && aligned(a.y, 16) &&
                      aligned(a.weight, 16) && aligned(a.out, 16);
  if (packed)
    return launch_kernel(norm<T, V>, grid, threads_for(a.width, V, kThreads), 0, stream, a);
  return launch_kernel(norm<T, 1>, grid, threads_for(a.width, 1, kThreads), 0, stream, a);
}

// Packs of 4 pairs: 8 bytes of bfloat16, 16 of float32.
constexpr int kPairs = 4;

template <typename T>
int launch_rope(const Rope& a, std::int64_t rows, cudaStream_t stream) {
  constexpr std::size_t kBytes = kPairs * sizeof(T);
  const bool packed = a.half % kPairs == 0 && a.stride % kPairs == 0 && aligned(a.x, kBytes) &&
                      aligned(a.cos, kBytes) && aligned(a.sin, kBytes);
  const dim3 grid(static_cast<unsigned>(rows),
                  pieces(std::int64_t{a.heads} * a.half / (packed ? kPairs : 1)));
  return launch_kernel(packed ? rope<T, kPairs> : rope<T, 1>, grid, kThreads, 0, stream, a);
}

template <typename T>
int launch_append(const CacheAppend& a, cudaStream_t stream) {
  constexpr std::size_t kBytes = kPairs * sizeof(T);
  const bool packed = a.packed && a.head_dim % (2 * kPairs) == 0 && aligned(a.q, kBytes) &&
                      aligned(a.k, kBytes) && aligned(a.v, kBytes) && aligned(a.cos, kBytes) &&
                      aligned(a.sin, kBytes);
  const std::int64_t pairs = a.kv_heads * (a.group + 2) * (a.head_dim / 2);
  const dim3 grid(pieces(pairs / (packed ? kPairs : 1)), static_cast<unsigned>(a.rows));
  return launch_kernel(packed ? append<T, kPairs> : append<T, 1>, grid, kThreads, 0, stream, a);
}

template <typename T>
int launch_swiglu(void* gate, const void* up, std::int64_t count, cudaStream_t stream) {
  constexpr int V = 16 / sizeof(T);
  const bool packed = count % V == 0 && aligned(gate, 16) && aligned(up, 16);
  return launch_kernel(packed ? swiglu<T, V> : swiglu<T, 1>, pieces(count / (packed ? V : 1)),
                       kThreads, 0, stream, static_cast<T*>(gate), static_cast<const T*>(up),
                       count);
}

}  // namespace
}  // namespace vega::kernels::device

using vega::kernels::Element;

int vega_cuda_rms_norm(Element element, void* x, const void* y, const void* weight, void* out,
                       std::int64_t rows, std::int64_t width, float eps, void* stream) {
  using namespace vega::kernels::device;
  const Norm a{x, y, weight, out, width, eps};
  return with_type(element, [&](auto zero) {
    return launch_norm<decltype(zero)>(a, rows, static_cast<cudaStream_t>(stream));
  });
}

int vega_cuda_rope(Element element, void* x, const void* cos, const void* sin, std::int64_t rows,
                   std::int64_t heads, std::int64_t head_dim, std::int64_t stride, void* stream) {
  using namespace vega::kernels::device;
  const Rope a{x, cos, sin, static_cast<int>(heads), static_cast<int>(head_dim / 2), stride};
  return with_type(element, [&](auto zero) {
    return launch_rope<decltype(zero)>(a, rows, static_cast<cudaStream_t>(stream));
  });
}

int vega_cuda_cache_append(Element element, const vega::kernels::CacheAppend& args, void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    return launch_append<decltype(zero)>(args, static_cast<cudaStream_t>(stream));
  });
}

int vega_cuda_swiglu(Element element, void* gate, const void* up, std::int64_t count,
                     void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    return launch_swiglu<decltype(zero)>(gate, up, count, static_cast<cudaStream_t>(stream));
  });
}
