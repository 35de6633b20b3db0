// Forward. Blocks stay on the device and walk over the tokens; a thread owns the same columns of
// every token, two pieces of 16 bytes for most widths, and keeps their parameters in shared memory.
// A row stays in registers for three looks (mean; squares and dot product; blend), and the next
// token's rows are on their way meanwhile: S and G are read once, out is written once. What is done
// once a thread and token (sums over the block, sigmoid) costs as many instructions as 16 columns
// of the rest, so few threads with many columns each are better than many with few.
#include "kernels/token_gate.cuh"

namespace vega::kernels::device {
namespace {

struct Gates {
  float g, q;  // q = 1 - g, without the cancellation
};

__device__ Gates sigmoids(float logit) {
  const float e = expf(-fabsf(logit));
  const float large = 1.0F / (1.0F + e);
  const float small = e * large;
  return logit >= 0 ? Gates{large, small} : Gates{small, large};
}

// What is known of a token of one stream.
struct Stream {
  float mean, scale, dot;
};

template <typename P>
__device__ void save(const TokenGateOf<P>& a, std::int64_t row, Stream s, Stream g, Gates k) {
  float4* to = reinterpret_cast<float4*>(a.statistics + row * 8);
  to[0] = make_float4(s.mean, s.scale, s.dot, g.mean);
  to[1] = make_float4(g.scale, g.dot, k.g, k.q);
  a.gate[row] = k.g;
}

// One blended element. kForm 1: normed, 2: residual, 0: raw.
template <int kForm>
__device__ float blend(float s, float g, const Stream& of_s, const Stream& of_g, Gates k, float r,
                       float w1, float b1, float w2, float b2) {
  if constexpr (kForm == 1) {
    const float n1 = (s - of_s.mean) * of_s.scale * w1 + b1;
    const float n2 = (g - of_g.mean) * of_g.scale * w2 + b2;
    return k.g * n1 + k.q * n2;
  } else {
    const float m = k.g * s + k.q * g;
    return kForm == 2 ? s + r * (m - s) : m;
  }
}

// Slots of a thread's own parameters: kPacks for each of these, normed all six.
enum { kU1, kU2, kW1, kB1, kW2, kB2 };
constexpr int slots(int form) { return form == 1 ? 6 : 2; }

// Fills the thread's parameters; returns its part of gate_w . [b1; b2].
template <int V, int kPacks, int kForm, typename P>
__device__ float prepare(const TokenGateOf<P>& a, Own<V>& own) {
  float bias = 0;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t c = (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * V;
    if (c >= a.width) continue;
#pragma unroll
    for (int stream = 0; stream < 2; ++stream) {
      float w[V], b[V], u[V];
      load_parameters((stream == 0 ? a.w1 : a.w2) + c, w);
      load_parameters((stream == 0 ? a.b1 : a.b2) + c, b);
      load_parameters(a.gate_w + stream * a.width + c, u);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        bias += u[i] * b[i];
        u[i] *= w[i];
      }
      own.put((stream == 0 ? kU1 : kU2) * kPacks + p, u);
      if constexpr (kForm == 1) {
        own.put((stream == 0 ? kW1 : kW2) * kPacks + p, w);
        own.put((stream == 0 ? kB1 : kB2) * kPacks + p, b);
      }
    }
  }
  return bias;
}

// The rows of a token as they come.
template <typename T, int kPacks>
struct Rows {
  uint4 s[kPacks], g[kPacks];

  template <typename P>
  __device__ void load(const TokenGateOf<P>& a, std::int64_t row) {
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t c = (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * kVector<T>;
      if (c >= a.width) continue;
      s[p] = load_once(static_cast<const T*>(a.s) + row * a.width + c);
      g[p] = load_once(static_cast<const T*>(a.g) + row * a.width + c);
    }
  }
};

// Threads of a block at most.
constexpr int threads_of(int packs) { return packs == 1 ? 128 : packs == 2 ? 256 : 512; }

template <typename T, typename P, int kPacks, int kForm>
__global__ void __launch_bounds__(threads_of(kPacks), kPacks == 4 ? 1 : 2)
    packed_rows(const TokenGateOf<P> a) {
  constexpr int V = kVector<T>;
  float4* const parameters = dynamic_shared<float4>();
  __shared__ __align__(16) float sums_memory[BlockSums::kFloats];
  Rows<T, kPacks> next;
  next.load(a, blockIdx.x);
  BlockSums sum(sums_memory);
  Own<V> own(parameters);
  float constant[1] = {prepare<V, kPacks, kForm>(a, own)};
  sum(constant);
  const float bias = constant[0] + widen(*a.gate_b);
  const float r = kForm == 2 ? widen(*a.r) : 0.0F;
  const float share = 1.0F / static_cast<float>(a.width);
  const auto inside = [&](int p) {
    return (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * V < a.width;
  };
  for (std::int64_t row = blockIdx.x; row < a.rows; row += gridDim.x) {
    float s[kPacks][V], g[kPacks][V];
    float means[2] = {};
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      if (!inside(p)) continue;
      unpack<T>(next.s[p], s[p]);
      unpack<T>(next.g[p], g[p]);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        means[0] += s[p][i];
        means[1] += g[p][i];
      }
    }
    if (row + gridDim.x < a.rows) next.load(a, row + gridDim.x);
    sum(means);
    means[0] *= share;
    means[1] *= share;

    float parts[4] = {};  // squares and dot product of S, of G
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      if (!inside(p)) continue;
      float u1[V], u2[V];
      own.get(kU1 * kPacks + p, u1);
      own.get(kU2 * kPacks + p, u2);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        const float d1 = s[p][i] - means[0];
        const float d2 = g[p][i] - means[1];
        parts[0] += d1 * d1;
        parts[1] += d1 * u1[i];
        parts[2] += d2 * d2;
        parts[3] += d2 * u2[i];
      }
    }
    sum(parts);
    const float scale1 = rsqrtf(parts[0] * share + a.eps);
    const float scale2 = rsqrtf(parts[2] * share + a.eps);
    const Stream of_s{means[0], scale1, parts[1] * scale1};
    const Stream of_g{means[1], scale2, parts[3] * scale2};
    const Gates gates = sigmoids(of_s.dot + of_g.dot + bias);
    if (threadIdx.x == 0) save(a, row, of_s, of_g, gates);
    T* out = static_cast<T*>(a.out) + row * a.width;
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      if (!inside(p)) continue;
      const std::int64_t c = (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * V;
      float w1[V] = {}, b1[V] = {}, w2[V] = {}, b2[V] = {};
      if constexpr (kForm == 1) {
        own.get(kW1 * kPacks + p, w1);
        own.get(kB1 * kPacks + p, b1);
        own.get(kW2 * kPacks + p, w2);
        own.get(kB2 * kPacks + p, b2);
      }
#pragma unroll
      for (int i = 0; i < V; ++i) {
        s[p][i] = blend<kForm>(s[p][i], g[p][i], of_s, of_g, gates, r, w1[i], b1[i], w2[i], b2[i]);
      }
      store_once(out + c, pack<T>(s[p]));
    }
  }
}

// Any width, any alignment: a block a row, which is read again from the cache.
template <typename T, typename P, int kForm>
__global__ void __launch_bounds__(256) plain_rows(const TokenGateOf<P> a) {
  __shared__ __align__(16) float sums_memory[BlockSums::kFloats];
  BlockSums sum(sums_memory);
  const std::int64_t row = blockIdx.x;
  const T* s = static_cast<const T*>(a.s) + row * a.width;
  const T* g = static_cast<const T*>(a.g) + row * a.width;
  const float share = 1.0F / static_cast<float>(a.width);
  float means[2] = {};
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x) {
    means[0] += widen(s[c]);
    means[1] += widen(g[c]);
  }
  sum(means);
  means[0] *= share;
  means[1] *= share;
  float parts[8] = {};  // squares and dot product of S, of G; gate_w . [b1; b2]
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x) {
    const float d1 = widen(s[c]) - means[0];
    const float d2 = widen(g[c]) - means[1];
    const float left = widen(a.gate_w[c]), right = widen(a.gate_w[a.width + c]);
    parts[0] += d1 * d1;
    parts[1] += d1 * (left * widen(a.w1[c]));
    parts[2] += d2 * d2;
    parts[3] += d2 * (right * widen(a.w2[c]));
    parts[4] += left * widen(a.b1[c]) + right * widen(a.b2[c]);
  }
  sum(parts);
  const float scale1 = rsqrtf(parts[0] * share + a.eps);
  const float scale2 = rsqrtf(parts[2] * share + a.eps);
  const Stream of_s{means[0], scale1, parts[1] * scale1};
  const Stream of_g{means[1], scale2, parts[3] * scale2};
  const Gates k = sigmoids(of_s.dot + of_g.dot + (parts[4] + widen(*a.gate_b)));
  if (threadIdx.x == 0) save(a, row, of_s, of_g, k);
  const float r = kForm == 2 ? widen(*a.r) : 0.0F;
  T* out = static_cast<T*>(a.out) + row * a.width;
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x) {
    out[c] = narrow<T>(blend<kForm>(widen(s[c]), widen(g[c]), of_s, of_g, k, r, widen(a.w1[c]),
                                    widen(a.b1[c]), widen(a.w2[c]), widen(a.b2[c])));
  }
}

// Launches where the device has the shared memory for it; `done` says whether.
template <typename T, typename P, int kPacks, int kForm>
int launch_packed(const TokenGateOf<P>& a, cudaStream_t stream, bool& done) {
  constexpr int V = kVector<T>;
  const auto kernel = packed_rows<T, P, kPacks, kForm>;
  const int threads = threads_for(a.width / V, kPacks, threads_of(kPacks));
  const std::size_t bytes = sizeof(float) * V * kPacks * slots(kForm) * threads;
  const Residency r = residency(kernel, threads, bytes);
  if (r.status != cudaSuccess) cudaGetLastError();  // forget it: the next launch would report it
  if (r.status != cudaSuccess || r.blocks == 0) return r.status;
  const auto blocks = static_cast<unsigned>(a.rows < r.blocks ? a.rows : r.blocks);
  done = true;
  return launch_kernel(kernel, blocks, threads, bytes, stream, a);
}

template <typename T, typename P, int kForm>
int launch(const TokenGateOf<P>& a, cudaStream_t stream) {
  constexpr int V = kVector<T>;
  const std::int64_t vectors = a.width / V;
  const auto fits = [&](int packs) { return vectors <= packs * threads_of(packs); };
  if (a.width % V == 0 && fits(4) && aligned(a.s, 16) && aligned(a.g, 16) && aligned(a.out, 16) &&
      parameters_aligned(a)) {
    bool done = false;
    const int status = fits(1)   ? launch_packed<T, P, 1, kForm>(a, stream, done)
                       : fits(2) ? launch_packed<T, P, 2, kForm>(a, stream, done)
                                 : launch_packed<T, P, 4, kForm>(a, stream, done);
    if (done || status != cudaSuccess) return status;
  }
  return launch_kernel(plain_rows<T, P, kForm>, static_cast<unsigned>(a.rows), 256, 0, stream, a);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_token_gate(vega::kernels::Element element, vega::kernels::Element parameters,
                         const vega::kernels::TokenGateOf<void>& args, void* stream) {
  using namespace vega::kernels::device;
  return with_types(element, parameters, [&](auto zero, auto parameter) {
    using P = decltype(parameter);
    return with_form(args.form, [&](auto form) {
      return launch<decltype(zero), P, decltype(form)::value>(vega::kernels::typed<P>(args),
                                                              static_cast<cudaStream_t>(stream));
    });
  });
}
