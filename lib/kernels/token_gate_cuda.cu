// Forward. Blocks stay on the device and walk over groups of tokens; a thread owns the same columns
// of every token, 16 bytes at a time, and keeps their parameters in shared memory. The rows of a
// group stay in registers for three looks (mean; squares and dot product; blend), and the next
// group's rows are on their way meanwhile: S and G are read once, out is written once.
#include "kernels/token_gate.cuh"

namespace vega::kernels::device {
namespace {

constexpr int kThreads = 512;

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

__device__ void save(const TokenGate& a, std::int64_t row, Stream s, Stream g, Gates k) {
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
template <int V, int kPacks, int kForm>
__device__ float prepare(const TokenGate& a, Own<V>& own) {
  float bias = 0;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t c = (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * V;
    if (c >= a.width) continue;
#pragma unroll
    for (int stream = 0; stream < 2; ++stream) {
      float w[V], b[V], u[V];
      load_floats((stream == 0 ? a.w1 : a.w2) + c, w);
      load_floats((stream == 0 ? a.b1 : a.b2) + c, b);
      load_floats(a.gate_w + stream * a.width + c, u);
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

// The rows of a group as they come: a token beyond the last one repeats the last.
template <typename T, int kPacks, int kTokens>
struct Rows {
  uint4 s[kTokens][kPacks], g[kTokens][kPacks];

  __device__ void load(const TokenGate& a, std::int64_t first) {
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
      const std::int64_t row = first + t < a.rows ? first + t : a.rows - 1;
#pragma unroll
      for (int p = 0; p < kPacks; ++p) {
        const std::int64_t c =
            (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * kVector<T>;
        if (c >= a.width) continue;
        s[t][p] = load_once(static_cast<const T*>(a.s) + row * a.width + c);
        g[t][p] = load_once(static_cast<const T*>(a.g) + row * a.width + c);
      }
    }
  }
};

template <typename T, int kPacks, int kTokens, int kForm>
__global__ void __launch_bounds__(kThreads, kPacks == 1 ? 2 : 1) packed_rows(const TokenGate a) {
  constexpr int V = kVector<T>;
  __shared__ __align__(16) float sums_memory[BlockSums::kFloats];
  const std::int64_t groups = (a.rows + kTokens - 1) / kTokens;
  Rows<T, kPacks, kTokens> next;
  next.load(a, static_cast<std::int64_t>(blockIdx.x) * kTokens);
  BlockSums sum(sums_memory);
  Own<V> own(dynamic_shared<float4>());
  float constant[1] = {prepare<V, kPacks, kForm>(a, own)};
  sum(constant);
  const float bias = constant[0] + *a.gate_b;
  const float r = kForm == 2 ? *a.r : 0.0F;
  const auto n = static_cast<float>(a.width);
  const auto inside = [&](int p) {
    return (static_cast<std::int64_t>(p) * blockDim.x + threadIdx.x) * V < a.width;
  };
  for (std::int64_t group = blockIdx.x; group < groups; group += gridDim.x) {
    const std::int64_t first = group * kTokens;
    const Rows<T, kPacks, kTokens> rows = next;
    if (group + gridDim.x < groups) next.load(a, first + gridDim.x * kTokens);

    float means[2 * kTokens] = {};
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      if (!inside(p)) continue;
#pragma unroll
      for (int t = 0; t < kTokens; ++t) {
        float s[V], g[V];
        unpack<T>(rows.s[t][p], s);
        unpack<T>(rows.g[t][p], g);
#pragma unroll
        for (int i = 0; i < V; ++i) {
          means[2 * t] += s[i];
          means[2 * t + 1] += g[i];
        }
      }
    }
    sum(means);
#pragma unroll
    for (int j = 0; j < 2 * kTokens; ++j) means[j] /= n;

    float parts[4 * kTokens] = {};  // squares and dot product of S, of G
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      if (!inside(p)) continue;
      float u1[V], u2[V];
      own.get(kU1 * kPacks + p, u1);
      own.get(kU2 * kPacks + p, u2);
#pragma unroll
      for (int t = 0; t < kTokens; ++t) {
        float s[V], g[V];
        unpack<T>(rows.s[t][p], s);
        unpack<T>(rows.g[t][p], g);
#pragma unroll
        for (int i = 0; i < V; ++i) {
          const float d1 = s[i] - means[2 * t];
          const float d2 = g[i] - means[2 * t + 1];
          parts[4 * t] += d1 * d1;
          parts[4 * t + 1] += d1 * u1[i];
          parts[4 * t + 2] += d2 * d2;
          parts[4 * t + 3] += d2 * u2[i];
        }
      }
    }
    sum(parts);
    Stream of_s[kTokens], of_g[kTokens];
    Gates gates[kTokens];
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
      const float scale1 = 1.0F / sqrtf(parts[4 * t] / n + a.eps);
      const float scale2 = 1.0F / sqrtf(parts[4 * t + 2] / n + a.eps);
      of_s[t] = {means[2 * t], scale1, parts[4 * t + 1] * scale1};
      of_g[t] = {means[2 * t + 1], scale2, parts[4 * t + 3] * scale2};
      gates[t] = sigmoids(of_s[t].dot + of_g[t].dot + bias);
      if (threadIdx.x == t && first + t < a.rows) save(a, first + t, of_s[t], of_g[t], gates[t]);
    }
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
      for (int t = 0; t < kTokens; ++t) {
        if (first + t >= a.rows) continue;
        float s[V], g[V];
        unpack<T>(rows.s[t][p], s);
        unpack<T>(rows.g[t][p], g);
#pragma unroll
        for (int i = 0; i < V; ++i) {
          s[i] =
              blend<kForm>(s[i], g[i], of_s[t], of_g[t], gates[t], r, w1[i], b1[i], w2[i], b2[i]);
        }
        store_once(static_cast<T*>(a.out) + (first + t) * a.width + c, pack<T>(s));
      }
    }
  }
}

// Any width, any alignment: a block a row, which is read again from the cache.
template <typename T, int kForm>
__global__ void __launch_bounds__(256) plain_rows(const TokenGate a) {
  __shared__ __align__(16) float sums_memory[BlockSums::kFloats];
  BlockSums sum(sums_memory);
  const std::int64_t row = blockIdx.x;
  const T* s = static_cast<const T*>(a.s) + row * a.width;
  const T* g = static_cast<const T*>(a.g) + row * a.width;
  const auto n = static_cast<float>(a.width);
  float means[2] = {};
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x) {
    means[0] += widen(s[c]);
    means[1] += widen(g[c]);
  }
  sum(means);
  means[0] /= n;
  means[1] /= n;
  float parts[8] = {};  // squares and dot product of S, of G; gate_w . [b1; b2]
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x) {
    const float d1 = widen(s[c]) - means[0];
    const float d2 = widen(g[c]) - means[1];
    const float left = a.gate_w[c], right = a.gate_w[a.width + c];
    parts[0] += d1 * d1;
    parts[1] += d1 * (left * a.w1[c]);
    parts[2] += d2 * d2;
    parts[3] += d2 * (right * a.w2[c]);
    parts[4] += left * a.b1[c] + right * a.b2[c];
  }
  sum(parts);
  const float scale1 = 1.0F / sqrtf(parts[0] / n + a.eps);
  const float scale2 = 1.0F / sqrtf(parts[2] / n + a.eps);
  const Stream of_s{means[0], scale1, parts[1] * scale1};
  const Stream of_g{means[1], scale2, parts[3] * scale2};
  const Gates k = sigmoids(of_s.dot + of_g.dot + (parts[4] + *a.gate_b));
  if (threadIdx.x == 0) save(a, row, of_s, of_g, k);
  const float r = kForm == 2 ? *a.r : 0.0F;
  T* out = static_cast<T*>(a.out) + row * a.width;
  for (std::int64_t c = threadIdx.x; c < a.width; c += blockDim.x) {
    out[c] = narrow<T>(blend<kForm>(widen(s[c]), widen(g[c]), of_s, of_g, k, r, a.w1[c], a.b1[c],
                                    a.w2[c], a.b2[c]));
  }
}

// Launches where the device has the shared memory for it; `done` says whether.
template <typename T, int kPacks, int kTokens, int kForm>
int launch_packed(const TokenGate& a, cudaStream_t stream, bool& done) {
  constexpr int V = kVector<T>;
  const auto kernel = packed_rows<T, kPacks, kTokens, kForm>;
  const int threads = threads_for(a.width / V, kPacks, kThreads);
  const std::size_t bytes = sizeof(float) * V * kPacks * slots(kForm) * threads;
  const Residency r = residency(kernel, threads, bytes);
  if (r.status != cudaSuccess) cudaGetLastError();  // forget it: the next launch would report it
  if (r.status != cudaSuccess || r.blocks == 0) return r.status;
  const std::int64_t groups = (a.rows + kTokens - 1) / kTokens;
  const auto blocks = static_cast<unsigned>(groups < r.blocks ? groups : r.blocks);
  done = true;
  return launch_kernel(kernel, blocks, threads, bytes, stream, a);
}

template <typename T, int kForm>
int launch(const TokenGate& a, cudaStream_t stream) {
  constexpr int V = kVector<T>;
  const std::int64_t vectors = a.width / V;
  if (a.width % V == 0 && vectors <= 4 * kThreads && aligned(a.s, 16) && aligned(a.g, 16) &&
      aligned(a.out, 16) && parameters_aligned(a)) {
    bool done = false;
    const int status = vectors <= kThreads       ? launch_packed<T, 1, 1, kForm>(a, stream, done)
                       : vectors <= 2 * kThreads ? launch_packed<T, 2, 1, kForm>(a, stream, done)
                                                 : launch_packed<T, 4, 1, kForm>(a, stream, done);
    if (done || status != cudaSuccess) return status;
  }
  return launch_kernel(plain_rows<T, kForm>, static_cast<unsigned>(a.rows), 256, 0, stream, a);
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_token_gate(vega::kernels::Element element, const vega::kernels::TokenGate& args,
                         void* stream) {
  using namespace vega::kernels::device;
  return with_type(element, [&](auto zero) {
    return with_form(args.form, [&](auto form) {
      return launch<decltype(zero), decltype(form)::value>(args, static_cast<cudaStream_t>(stream));
    });
  });
}
