// In place, one block a token and part (q or k). A thread keeps its packs of the row in registers
// between the sum of squares and the rotation, so the row is read once and written once.
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

struct Args {
  void* qkv;
  const float* wq;
  const float* wk;
  const float* rope;
  std::int64_t tokens;
  int heads, head_dim;
  float eps;
};

constexpr int kThreads = 512;

// Where the block works: a row of q or k, its weights and its token's angles.
template <typename T>
struct Row {
  T* x;
  const float* weight;
  const float* angle;  // cosine and sine of each pair of a head

  __device__ explicit Row(const Args& a) {
    const int part = static_cast<int>(blockIdx.y);
    const int width = a.heads * a.head_dim;
    x = static_cast<T*>(a.qkv) + (static_cast<std::int64_t>(blockIdx.x) * 3 + part) * width;
    weight = part == 0 ? a.wq : a.wk;
    const unsigned token = blockIdx.x % static_cast<unsigned>(a.tokens);
    angle = a.rope + static_cast<std::int64_t>(token) * a.head_dim;
  }
};

// Packs hold whole pairs and lie in one head: V is even and divides head_dim.
template <int V>
__device__ inline void norm_and_rotate(float (&x)[V], float scale, const float (&w)[V],
                                       const float (&turn)[V]) {
#pragma unroll
  for (int i = 0; i < V; i += 2) {
    const float even = x[i] * scale * w[i];
    const float odd = x[i + 1] * scale * w[i + 1];
    x[i] = even * turn[i] - odd * turn[i + 1];
    x[i + 1] = even * turn[i + 1] + odd * turn[i];
  }
}

__device__ inline float inverse_rms(float squares, int width, float eps) {
  return rsqrtf(squares * (1.0F / static_cast<float>(width)) + eps);
}

template <typename T, int V, int kPacks>
__global__ void __launch_bounds__(kThreads) packed_rows(const Args a) {
  __shared__ float shared[32];
  const Row<T> row(a);
  const int width = a.heads * a.head_dim;
  float x[kPacks][V];
  float squares = 0;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = static_cast<int>(p * blockDim.x + threadIdx.x) * V;
    if (c >= width) continue;
    load(row.x + c, x[p]);
#pragma unroll
    for (int i = 0; i < V; ++i) squares += x[p][i] * x[p][i];
  }
  const float scale = inverse_rms(sum_block(squares, shared), width, a.eps);
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const int c = static_cast<int>(p * blockDim.x + threadIdx.x) * V;
    if (c >= width) continue;
    float weight[V], angle[V];
    load_parameters(row.weight + c, weight);
    load_parameters(row.angle + c % a.head_dim, angle);
    norm_and_rotate(x[p], scale, weight, angle);
    store(row.x + c, x[p]);
  }
}

// Any even head width, any alignment: rows are read twice, pair by pair.
template <typename T>
__global__ void __launch_bounds__(kThreads) plain_rows(const Args a) {
  __shared__ float shared[32];
  const Row<T> row(a);
  const int width = a.heads * a.head_dim, step = static_cast<int>(blockDim.x) * 2;
  float squares = 0;
  for (int c = static_cast<int>(threadIdx.x) * 2; c < width; c += step) {
    const float even = widen(row.x[c]), odd = widen(row.x[c + 1]);
    squares += even * even + odd * odd;
  }
  const float scale = inverse_rms(sum_block(squares, shared), width, a.eps);
  for (int c = static_cast<int>(threadIdx.x) * 2; c < width; c += step) {
    const float* angle = row.angle + c % a.head_dim;
    float x[2] = {widen(row.x[c]), widen(row.x[c + 1])};
    norm_and_rotate(x, scale, {row.weight[c], row.weight[c + 1]}, {angle[0], angle[1]});
    row.x[c] = narrow<T>(x[0]);
    row.x[c + 1] = narrow<T>(x[1]);
  }
}

template <typename T>
int launch(const Args& a, std::int64_t rows, cudaStream_t stream) {
  constexpr int V = 16 / sizeof(T);
  const dim3 blocks(static_cast<unsigned>(rows), 2);
  const std::int64_t width = std::int64_t{a.heads} * a.head_dim;
  const bool packed = a.head_dim % V == 0 && aligned(a.qkv, 16) && aligned(a.wq, 16) &&
                      aligned(a.wk, 16) && aligned(a.rope, 16);
  if (packed && width <= kThreads * V) {
    const int threads = threads_for(width / V, 1, kThreads);
    return launch_kernel(packed_rows<T, V, 1>, blocks, threads, 0, stream, a);
  }
  if (packed && width <= kThreads * V * 4) {
    const int threads = threads_for(width / V, 4, kThreads);
    return launch_kernel(packed_rows<T, V, 4>, blocks, threads, 0, stream, a);
  }
  const int threads = threads_for(width / 2, 1, kThreads);
  return launch_kernel(plain_rows<T>, blocks, threads, 0, stream, a);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_qk_norm_rope(vega::kernels::Element element, void* qkv, const float* wq,
                           const float* wk, const float* rope, std::int64_t frames,
                           std::int64_t tokens, int heads, std::int64_t head_dim, float eps,
                           void* stream) {
  using namespace vega::kernels::device;
  const Args a{qkv, wq, wk, rope, tokens, heads, static_cast<int>(head_dim), eps};
  return with_type(element, [&](auto zero) {
    return launch<decltype(zero)>(a, frames * tokens, static_cast<cudaStream_t>(stream));
  });
}
