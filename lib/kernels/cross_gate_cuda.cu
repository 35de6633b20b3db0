// A block takes 8 tokens, so that a column of u is read once for all of them (u is 72 KB: read for
// each token it would cost more than everything else). Step 1: a warp a token, rms(q) and gates
// into shared memory. Step 2: all threads, x += c + sum p u. Step 3, where asked for: a warp a
// token, layer norm.
#include "kernels/device.cuh"

namespace vega::kernels::device {
namespace {

constexpr int kThreads = 384;
constexpr int kWarps = kThreads / 32;

// Gates of one token by one warp; place j of the token is gates[j * kTokens], so that step 2 reads
// the gates of all tokens side by side.
template <typename T, int V, int kTokens>
__device__ void weigh(const CrossGate& a, const T* ql, float* gates) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  float squares = 0;
  for (std::int64_t c = lane * V; c < a.width; c += 32 * V) {
    float q[V];
    load(ql + c, q);
#pragma unroll
    for (int i = 0; i < V; ++i) squares += q[i] * q[i];
  }
  const float scale = rsqrtf(sum_lanes(squares) * (1.0F / static_cast<float>(a.width)) + a.eps);
  const T* logits = ql + a.width;
  for (int h = lane; h < a.heads; h += 32) {
    float* p = gates + h * a.keys * kTokens;
    float top = a.log_pad;
    for (int i = 0; i < a.keys; ++i) {
      p[i * kTokens] = widen(logits[h * a.keys + i]) * scale;
      top = fmaxf(top, p[i * kTokens]);
    }
    float total = expf(a.log_pad - top);
    for (int i = 0; i < a.keys; ++i) {
      p[i * kTokens] = expf(p[i * kTokens] - top);
      total += p[i * kTokens];
    }
    const float share = 1.0F / total;
    for (int i = 0; i < a.keys; ++i) p[i * kTokens] *= share;
  }
}

// V columns of kCount tokens from `first` on; one beyond the end repeats token 0.
template <int V, int kCount>
__device__ inline void load_tokens(const CrossGate& a, const float* x, int first, int valid,
                                   float (&to)[kCount][V]) {
#pragma unroll
  for (int t = 0; t < kCount; ++t) {
    load(x + (first + t < valid ? first + t : 0) * a.width, to[t]);
  }
}

// x[t] += c + sum_j gates[j][t] u[j] for the block's tokens, V columns a thread at a time. x is
// read and written four tokens at a time: one by one each load waits for the store before it; all
// eight at once, or loads before the loop over u, need more registers than two blocks of a
// multiprocessor have.
template <int V, int kTokens>
__device__ void add_values(const CrossGate& a, float* x, const float* gates, int valid) {
  constexpr int kEach = kTokens < 4 ? kTokens : 4;
  const int count = a.heads * a.keys;
  for (std::int64_t c = static_cast<std::int64_t>(threadIdx.x) * V; c < a.width;
       c += kThreads * V) {
    float old[kEach][V], sum[kTokens][V], base[V];
    load(a.c + c, base);
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
#pragma unroll
      for (int i = 0; i < V; ++i) sum[t][i] = base[i];
    }
#pragma unroll 4
    for (int j = 0; j < count; ++j) {
      float u[V];
      load(a.u + j * a.width + c, u);
#pragma unroll
      for (int t = 0; t < kTokens; ++t) {
        const float p = gates[j * kTokens + t];
#pragma unroll
        for (int i = 0; i < V; ++i) sum[t][i] += p * u[i];
      }
    }
#pragma unroll
    for (int first = 0; first < kTokens; first += kEach) {
      load_tokens(a, x + c, first, valid, old);
#pragma unroll
      for (int t = first; t < first + kEach; ++t) {
        if (t >= valid) continue;
#pragma unroll
        for (int i = 0; i < V; ++i) sum[t][i] += old[t - first][i];
        store(x + t * a.width + c, sum[t]);
      }
    }
  }
}

// One warp a row; x was written by other threads of this block before the barrier.
template <typename Out, int V>
__device__ void layer_norm(const float* x, Out* out, std::int64_t width, float eps) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const float share = 1.0F / static_cast<float>(width);
  float sum = 0;
  for (std::int64_t c = lane * V; c < width; c += 32 * V) {
    float v[V];
    load(x + c, v);
#pragma unroll
    for (int i = 0; i < V; ++i) sum += v[i];
  }
  const float mean = sum_lanes(sum) * share;
  float squares = 0;
  for (std::int64_t c = lane * V; c < width; c += 32 * V) {
    float v[V];
    load(x + c, v);
#pragma unroll
    for (int i = 0; i < V; ++i) squares += (v[i] - mean) * (v[i] - mean);
  }
  const float scale = rsqrtf(sum_lanes(squares) * share + eps);
  for (std::int64_t c = lane * V; c < width; c += 32 * V) {
    float v[V];
    load(x + c, v);
#pragma unroll
    for (int i = 0; i < V; ++i) v[i] = (v[i] - mean) * scale;
    store(out + c, v);
  }
}

// QV, V: elements of ql, and of x and u, at a time.
template <typename T, typename Out, int QV, int V, int kTokens>
__global__ void __launch_bounds__(kThreads, 2) tokens(const CrossGate a) {
  float* const gates = dynamic_shared<float>();  // heads * keys x kTokens
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kTokens;
  const std::int64_t left = a.rows - first;
  const int valid = left < kTokens ? static_cast<int>(left) : kTokens;
  for (int t = warp; t < kTokens; t += kWarps) {
    const std::int64_t row =
        first + (t < valid ? t : 0);  // unused places hold a valid token's gates
    weigh<T, QV, kTokens>(a, static_cast<const T*>(a.ql) + row * a.stride, gates + t);
  }
  __syncthreads();
  float* x = a.x + first * a.width;
  add_values<V, kTokens>(a, x, gates, valid);
  if (a.out == nullptr) return;
  __syncthreads();
  for (int t = warp; t < valid; t += kWarps) {
    layer_norm<Out, V>(x + t * a.width, static_cast<Out*>(a.out) + (first + t) * a.width, a.width,
                       a.ln_eps);
  }
}

template <typename T, typename Out, int QV, int V, int kTokens>
int launch_tokens(const CrossGate& a, cudaStream_t stream) {
  const auto kernel = tokens<T, Out, QV, V, kTokens>;
  const std::size_t bytes = sizeof(float) * kTokens * a.heads * a.keys;
  if (bytes > 48 * 1024) {  // more has to be asked for
    const cudaError_t status = cudaFuncSetAttribute(
        kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
    if (status != cudaSuccess) {
      cudaGetLastError();  // forget it: the next launch would report it again
      return status;
    }
  }
  const auto blocks = static_cast<unsigned>((a.rows + kTokens - 1) / kTokens);
  return launch_kernel(kernel, blocks, kThreads, bytes, stream, a);
}

template <typename T, typename Out>
int launch(const CrossGate& a, cudaStream_t stream) {
  constexpr int kWide = 8 / sizeof(T);  // 8-byte reads of ql: its rows are seldom multiples of 16
  const bool packed = a.width % 4 == 0 && a.stride % kWide == 0 && aligned(a.ql, 8) &&
                      aligned(a.x, 16) && aligned(a.u, 16) && aligned(a.c, 16) &&
                      aligned(a.out, 4 * sizeof(Out));
  const bool few = a.heads * a.keys <= 1024;  // 8 tokens' gates in 32 KB
  if (packed && few) return launch_tokens<T, Out, kWide, 4, 8>(a, stream);
  if (packed) return launch_tokens<T, Out, kWide, 4, 1>(a, stream);
  return launch_tokens<T, Out, 1, 1, 1>(a, stream);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_cross_gate(vega::kernels::Element element, vega::kernels::Element out_element,
                         const vega::kernels::CrossGate& args, void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    return with_type(out_element, [&](auto out_zero) {
      return launch<decltype(zero), decltype(out_zero)>(args, static_cast<cudaStream_t>(stream));
    });
  });
}
