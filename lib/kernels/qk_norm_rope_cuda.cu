// One block a token and part (q, k or v). The row of q or k is read twice, the second time from the
// first-level cache; v is only moved.
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

struct Args {
  const void* qkv;
  const float* wq;
  const float* wk;
  const float* rope;
  void* parts[3];
  std::int64_t tokens;
  int heads, head_dim;
  float eps;
};

// Packs hold whole pairs and lie in one head: V is even and divides head_dim.
template <typename T, int V>
__global__ void __launch_bounds__(512) rows(const Args a) {
  __shared__ float shared[32];
  const int part = static_cast<int>(blockIdx.y);
  const int width = a.heads * a.head_dim;
  const std::int64_t frame = blockIdx.x / a.tokens;
  const std::int64_t token = blockIdx.x % a.tokens;
  const T* x =
      static_cast<const T*>(a.qkv) + (static_cast<std::int64_t>(blockIdx.x) * 3 + part) * width;
  T* out = static_cast<T*>(a.parts[part]);
  float scale = 0;
  if (part < 2) {  // the same for all threads of a block
    float squares = 0;
    for (int c = static_cast<int>(threadIdx.x) * V; c < width;
         c += static_cast<int>(blockDim.x) * V) {
      float v[V];
      load(x + c, v);
#pragma unroll
      for (int i = 0; i < V; ++i) squares += v[i] * v[i];
    }
    scale = 1.0F / sqrtf(sum_block(squares, shared) / static_cast<float>(width) + a.eps);
  }
  const float* weight = part == 0 ? a.wq : a.wk;
  for (int c = static_cast<int>(threadIdx.x) * V; c < width;
       c += static_cast<int>(blockDim.x) * V) {
    const int head = c / a.head_dim;
    const int within = c % a.head_dim;
    float v[V];
    load(x + c, v);
    if (part < 2) {
      const float* angle = a.rope + token * a.head_dim + within;
#pragma unroll
      for (int i = 0; i < V; i += 2) {
        const float even = v[i] * scale * weight[c + i];
        const float odd = v[i + 1] * scale * weight[c + i + 1];
        v[i] = even * angle[i] - odd * angle[i + 1];
        v[i + 1] = even * angle[i + 1] + odd * angle[i];
      }
    }
    store(out + ((frame * a.heads + head) * a.tokens + token) * a.head_dim + within, v);
  }
}

template <typename T, int V>
int launch_rows(const Args& a, std::int64_t count, cudaStream_t stream) {
  const dim3 blocks(static_cast<unsigned>(count), 3);
  const int threads = threads_for(std::int64_t{a.heads} * a.head_dim / V, 1, 512);
  return launch_kernel(rows<T, V>, blocks, threads, 0, stream, a);
}

template <typename T>
int launch(const Args& a, std::int64_t count, cudaStream_t stream) {
  constexpr int V = 16 / sizeof(T);
  const bool packed = a.head_dim % V == 0 && aligned(a.qkv, 16) && aligned(a.parts[0], 16) &&
                      aligned(a.parts[1], 16) && aligned(a.parts[2], 16);
  if (packed) return launch_rows<T, V>(a, count, stream);
  return launch_rows<T, 2>(a, count, stream);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_qk_norm_rope(vega::kernels::Element element, const void* qkv, const float* wq,
                           const float* wk, const float* rope, void* q, void* k, void* v,
                           std::int64_t frames, std::int64_t tokens, int heads,
                           std::int64_t head_dim, float eps, void* stream) {
  using namespace vega::kernels::device;
  const Args a{qkv, wq, wk, rope, {q, k, v}, tokens, heads, static_cast<int>(head_dim), eps};
  return with_type(element, [&](auto zero) {
    return launch<decltype(zero)>(a, frames * tokens, static_cast<cudaStream_t>(stream));
  });
}
