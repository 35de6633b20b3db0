// Backward, two kernels. The first: a block takes a chunk of neighbouring tokens, a thread the same
// columns of each of them; S, G and d out are read once, the next token's while this one is worked
// on, dS and dG are written once, the sums over tokens stay in registers until the chunk ends. The
// second adds the chunks' sums in their order and makes the gradients of the parameters of them.
// The formulas: docs/kernels/token_gate.md.
#include "kernels/token_gate_backward.cuh"

namespace vega::kernels::device {
namespace {

constexpr int kTile = 64;  // tokens whose statistics are fetched at once

// Threads of a block: 128 registers each where eight columns are a thread's, 64 where four are.
template <typename T>
constexpr int kThreads = sizeof(T) == 2 ? 512 : 1024;

// Statistics and d gate of the tokens from `row` on, `floats` and `gates` in shared memory.
__device__ void fetch_tile(const TokenGateBackward& b, std::int64_t row, std::int64_t end,
                           float* floats, float* gates) {
  __syncthreads();  // the tile before is no longer in use
  const int count = static_cast<int>(end - row < kTile ? end - row : kTile);
  for (int i = static_cast<int>(threadIdx.x); i < count * 8; i += static_cast<int>(blockDim.x)) {
    floats[i] = b.in.statistics[row * 8 + i];
  }
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
    gates[i] = b.d_gate != nullptr ? b.d_gate[row + i] : 0.0F;
  }
  __syncthreads();
}

// Slots of a thread's own parameters; the last three: normed.
enum { kU1, kU2, kW1, kW2, kShift };
constexpr int slots(bool normed) { return normed ? 5 : 2; }

// u less its mean over the channels; w and b1 - b2 as they are.
template <int V, bool kNormed>
__device__ void prepare(const TokenGate& a, std::int64_t c, bool inside, BlockSums& sum,
                        Own<V>& own) {
  float u1[V] = {}, u2[V] = {};
  float means[2] = {};
  if (inside) {
    float w1[V], w2[V];
    load_floats(a.w1 + c, w1);
    load_floats(a.w2 + c, w2);
    load_floats(a.gate_w + c, u1);
    load_floats(a.gate_w + a.width + c, u2);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      means[0] += u1[i] *= w1[i];
      means[1] += u2[i] *= w2[i];
    }
    if constexpr (kNormed) {
      float b1[V], b2[V];
      load_floats(a.b1 + c, b1);
      load_floats(a.b2 + c, b2);
#pragma unroll
      for (int i = 0; i < V; ++i) b1[i] -= b2[i];
      own.put(kW1, w1);
      own.put(kW2, w2);
      own.put(kShift, b1);
    }
  }
  sum(means);
  const auto n = static_cast<float>(a.width);
#pragma unroll
  for (int i = 0; i < V; ++i) {
    u1[i] -= means[0] / n;
    u2[i] -= means[1] / n;
  }
  if (!inside) return;
  own.put(kU1, u1);
  own.put(kU2, u2);
}

struct Raw {
  uint4 s, g, d;
};

template <typename T>
__device__ inline Raw fetch_row(const TokenGateBackward& b, std::int64_t at) {
  return {load_once(static_cast<const T*>(b.in.s) + at),
          load_once(static_cast<const T*>(b.in.g) + at),
          load_once(static_cast<const T*>(b.d_out) + at)};
}

// The sums over a token's channels, and what follows from them.
template <typename T, bool kNormed>
__device__ Token reduce_row(const TokenGateBackward& b, const Raw& raw, bool inside, const float* m,
                            float of_gate, const Own<kVector<T>>& own, BlockSums& sum) {
  constexpr int V = kVector<T>;
  const auto n = static_cast<float>(b.in.width);
  float s[V], g[V], d[V];
  unpack<T>(raw.s, s);
  unpack<T>(raw.g, g);
  unpack<T>(raw.d, d);
  if constexpr (kNormed) {
    float sums[8] = {};
    if (inside) {
      float w1[V], w2[V], shift[V];
      own.get(kW1, w1);
      own.get(kW2, w2);
      own.get(kShift, shift);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        const float y1 = d[i] * w1[i], y2 = d[i] * w2[i];
        sums[0] += y1;
        sums[1] += y1 * (s[i] - m[0]);
        sums[2] += y2;
        sums[3] += y2 * (g[i] - m[3]);
        sums[4] += d[i] * shift[i];
      }
    }
    sum(sums);
    return normed_token(m, sums, of_gate, n);
  } else {
    float along[1] = {};
    if (inside) {
#pragma unroll
      for (int i = 0; i < V; ++i) along[0] += d[i] * (s[i] - g[i]);
    }
    sum(along);
    return plain_token(m, along[0], of_gate, b.in.r, n);
  }
}

template <int V>
__device__ inline void store_sums(float* to, const float (&from)[V]) {
#pragma unroll
  for (int i = 0; i < V; i += 4) {
    reinterpret_cast<float4*>(to)[i / 4] =
        make_float4(from[i], from[i + 1], from[i + 2], from[i + 3]);
  }
}

template <typename T, bool kNormed>
__global__ void __launch_bounds__(kThreads<T>) packed_rows(const TokenGateBackward b) {
  constexpr int V = kVector<T>;
  constexpr int kSums = kNormed ? V : 1;  // Y and Z are there in the normed form only
  extern __shared__ float4 parameters[];
  __shared__ __align__(16) float sums_memory[BlockSums::kFloats];
  __shared__ float statistics[kTile * 8];
  __shared__ float gates[kTile];
  const std::int64_t c = static_cast<std::int64_t>(threadIdx.x) * V;
  const bool inside = c < b.in.width;
  const Chunk chunk = chunk_of(b);
  Raw next{};
  if (inside && chunk.first < chunk.end) next = fetch_row<T>(b, chunk.first * b.in.width + c);
  BlockSums sum(sums_memory);
  Own<V> own(parameters);
  prepare<V, kNormed>(b.in, c, inside, sum, own);
  float x1[V] = {}, x2[V] = {};
  float y1[kSums] = {}, y2[kSums] = {}, z1[kSums] = {}, z2[kSums] = {};
  float t = 0, r = 0;
  for (std::int64_t row = chunk.first; row < chunk.end; ++row) {
    const int place = static_cast<int>((row - chunk.first) % kTile);
    if (place == 0) fetch_tile(b, row, chunk.end, statistics, gates);
    const Raw raw = next;
    if (inside && row + 1 < chunk.end) next = fetch_row<T>(b, (row + 1) * b.in.width + c);
    const Token token =
        reduce_row<T, kNormed>(b, raw, inside, statistics + place * 8, gates[place], own, sum);
    t += token.t;
    r += token.r;
    if (!inside) continue;
    float d[V], x[V], u[V], w[V] = {};
    unpack<T>(raw.d, d);
    unpack<T>(raw.s, x);
    own.get(kU1, u);
    if constexpr (kNormed) own.get(kW1, w);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      const int j = kNormed ? i : 0;
      x[i] = element<kNormed>(token.s, x[i], d[i], u[i], w[i], x1[i], y1[j], z1[j]);
    }
    store_once(static_cast<T*>(b.ds) + row * b.in.width + c, pack<T>(x));
    unpack<T>(raw.g, x);
    own.get(kU2, u);
    if constexpr (kNormed) own.get(kW2, w);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      const int j = kNormed ? i : 0;
      x[i] = element<kNormed>(token.g, x[i], d[i], u[i], w[i], x2[i], y2[j], z2[j]);
    }
    store_once(static_cast<T*>(b.dg) + row * b.in.width + c, pack<T>(x));
  }
  const std::int64_t stride = b.stride;
  float* sums = b.partial + blockIdx.x * stride;
  if (threadIdx.x == 0) {
    sums[stride - 4] = t;
    sums[stride - 3] = r;
  }
  if (!inside) return;
  store_sums(sums + c, x1);
  store_sums(sums + b.in.width + c, x2);
  if constexpr (kNormed) {
    store_sums(sums + 2 * b.in.width + c, y1);
    store_sums(sums + 3 * b.in.width + c, y2);
    store_sums(sums + 4 * b.in.width + c, z1);
    store_sums(sums + 5 * b.in.width + c, z2);
  }
}

// Any width, any alignment: rows are read twice, the sums lie in the chunk's part of b.partial,
// where each thread adds to its own columns.
template <typename T, bool kNormed>
__global__ void __launch_bounds__(256) plain_rows(const TokenGateBackward b) {
  __shared__ __align__(16) float sums_memory[BlockSums::kFloats];
  BlockSums sum(sums_memory);
  const TokenGate& a = b.in;
  const std::int64_t width = a.width;
  const auto n = static_cast<float>(width);
  const std::int64_t stride = b.stride;
  float* sums = b.partial + blockIdx.x * stride;
  float means[2] = {};
  for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
    means[0] += a.gate_w[c] * a.w1[c];
    means[1] += a.gate_w[width + c] * a.w2[c];
    for (int j = 0; j < (kNormed ? 6 : 2); ++j) sums[j * width + c] = 0;
  }
  sum(means);
  const float mean1 = means[0] / n, mean2 = means[1] / n;
  const Chunk chunk = chunk_of(b);
  float t = 0, r = 0;
  for (std::int64_t row = chunk.first; row < chunk.end; ++row) {
    const T* s = static_cast<const T*>(a.s) + row * width;
    const T* g = static_cast<const T*>(a.g) + row * width;
    const T* d = static_cast<const T*>(b.d_out) + row * width;
    const float* m = a.statistics + row * 8;
    float parts[8] = {};
    for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
      const float dout = widen(d[c]);
      if constexpr (kNormed) {
        const float y1 = dout * a.w1[c], y2 = dout * a.w2[c];
        parts[0] += y1;
        parts[1] += y1 * (widen(s[c]) - m[0]);
        parts[2] += y2;
        parts[3] += y2 * (widen(g[c]) - m[3]);
        parts[4] += dout * (a.b1[c] - a.b2[c]);
      } else {
        parts[0] += dout * (widen(s[c]) - widen(g[c]));
      }
    }
    sum(parts);
    const float of_gate = b.d_gate != nullptr ? b.d_gate[row] : 0.0F;
    const Token token =
        kNormed ? normed_token(m, parts, of_gate, n) : plain_token(m, parts[0], of_gate, a.r, n);
    t += token.t;
    r += token.r;
    for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
      const float dout = widen(d[c]);
      float* at = sums + c;
      float none = 0;
      const auto place = [&](int j) -> float& { return kNormed ? at[j * width] : none; };
      const float d1 = element<kNormed>(token.s, widen(s[c]), dout, a.gate_w[c] * a.w1[c] - mean1,
                                        a.w1[c], at[0], place(2), place(4));
      const float d2 =
          element<kNormed>(token.g, widen(g[c]), dout, a.gate_w[width + c] * a.w2[c] - mean2,
                           a.w2[c], at[width], place(3), place(5));
      static_cast<T*>(b.ds)[row * width + c] = narrow<T>(d1);
      static_cast<T*>(b.dg)[row * width + c] = narrow<T>(d2);
    }
  }
  if (threadIdx.x == 0) {
    sums[stride - 4] = t;
    sums[stride - 3] = r;
  }
}

constexpr int kSlices = 16;

// 32 channels of one stream a block; slice y adds the chunks y, y + 16, ..., then slices are added
// in their order.
template <bool kNormed>
__global__ void __launch_bounds__(32 * kSlices) add_chunks(const TokenGateBackward b) {
  __shared__ float shared[kNormed ? 3 : 1][kSlices][32];
  __shared__ float ends[2][kSlices];
  const TokenGate& a = b.in;
  const int stream = static_cast<int>(blockIdx.y);
  const int slice = static_cast<int>(threadIdx.y);
  const std::int64_t stride = b.stride;
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * 32 + threadIdx.x;
  float sums[kNormed ? 3 : 1] = {};
  float t = 0, r = 0;
#pragma unroll 4
  for (std::int64_t chunk = slice; chunk < b.chunks; chunk += kSlices) {
    const float* from = b.partial + chunk * stride;
    t += from[stride - 4];
    r += from[stride - 3];
    if (c >= a.width) continue;
#pragma unroll
    for (int j = 0; j < (kNormed ? 3 : 1); ++j) sums[j] += from[(2 * j + stream) * a.width + c];
  }
#pragma unroll
  for (int j = 0; j < (kNormed ? 3 : 1); ++j) shared[j][slice][threadIdx.x] = sums[j];
  if (threadIdx.x == 0) {
    ends[0][slice] = t;
    ends[1][slice] = r;
  }
  __syncthreads();
  if (slice != 0) return;
  t = r = 0;
#pragma unroll
  for (int j = 0; j < (kNormed ? 3 : 1); ++j) sums[j] = 0;
  for (int y = 0; y < kSlices; ++y) {
    t += ends[0][y];
    r += ends[1][y];
#pragma unroll
    for (int j = 0; j < (kNormed ? 3 : 1); ++j) sums[j] += shared[j][y][threadIdx.x];
  }
  if (stream == 0 && c == 0) {
    *b.d_gate_b = t;
    if (b.dr != nullptr) *b.dr = r;
  }
  if (c >= a.width) return;
  const float w = (stream == 0 ? a.w1 : a.w2)[c];
  const float bias = (stream == 0 ? a.b1 : a.b2)[c];
  const float gate_w = a.gate_w[stream * a.width + c];
  const float y = kNormed ? sums[kNormed ? 1 : 0] : 0.0F;
  const float z = kNormed ? sums[kNormed ? 2 : 0] : 0.0F;
  (stream == 0 ? b.dw1 : b.dw2)[c] = gate_w * sums[0] + y;
  (stream == 0 ? b.db1 : b.db2)[c] = gate_w * t + z;
  b.d_gate_w[stream * a.width + c] = w * sums[0] + bias * t;
}

// How the rows are worked on.
struct Plan {
  bool packed = false;
  int threads = 256;
  std::size_t bytes = 0;
  std::int64_t blocks = 0;  // at once on the device
  cudaError_t status = cudaSuccess;
};

template <typename T, bool kNormed>
Plan plan_for(const TokenGateBackward& b) {
  constexpr int V = kVector<T>;
  Plan plan;
  const std::int64_t vectors = b.in.width / V;
  if (b.in.width % V == 0 && vectors <= kThreads<T> && aligned(b.in.s, 16) && aligned(b.in.g, 16) &&
      aligned(b.d_out, 16) && aligned(b.ds, 16) && aligned(b.dg, 16) && aligned(b.partial, 16) &&
      parameters_aligned(b.in)) {
    plan.threads = threads_for(vectors, 1, kThreads<T>);
    plan.bytes = sizeof(float) * V * slots(kNormed) * plan.threads;
    const Residency r = residency(packed_rows<T, kNormed>, plan.threads, plan.bytes);
    plan.packed = r.status == cudaSuccess && r.blocks > 0;
    plan.blocks = r.blocks;
    plan.status = r.status;
    if (plan.packed || r.status != cudaSuccess) return plan;
  }
  plan.threads = 256;
  plan.bytes = 0;
  const Residency r = residency(plain_rows<T, kNormed>, plan.threads, 0);
  plan.blocks = r.blocks;
  plan.status = r.status;
  return plan;
}

template <typename T, bool kNormed>
int count_chunks(const TokenGateBackward& b, std::int64_t& chunks) {
  chunks = 0;
  if (b.in.rows == 0) return cudaSuccess;
  const Plan plan = plan_for<T, kNormed>(b);
  if (plan.status != cudaSuccess) {
    cudaGetLastError();  // forget it: the next launch would report it again
    return plan.status;
  }
  const std::int64_t most = plan.blocks < b.in.rows ? plan.blocks : b.in.rows;
  const std::int64_t size = (b.in.rows + most - 1) / most;
  chunks = (b.in.rows + size - 1) / size;
  return cudaSuccess;
}

template <typename T, bool kNormed>
int launch(const TokenGateBackward& b, cudaStream_t stream) {
  if (b.chunks > 0) {
    const Plan plan = plan_for<T, kNormed>(b);
    if (plan.status != cudaSuccess) {
      cudaGetLastError();
      return plan.status;
    }
    const auto blocks = static_cast<unsigned>(b.chunks);
    if (plan.packed) {
      packed_rows<T, kNormed><<<blocks, plan.threads, plan.bytes, stream>>>(b);
    } else {
      plain_rows<T, kNormed><<<blocks, plan.threads, 0, stream>>>(b);
    }
    const cudaError_t status = cudaGetLastError();
    if (status != cudaSuccess) return status;
  }
  const dim3 grid(static_cast<unsigned>((b.in.width + 31) / 32), 2);
  add_chunks<kNormed><<<grid, dim3(32, kSlices), 0, stream>>>(b);
  return cudaGetLastError();
}

// Calls body(type, normed) with both as constants.
template <typename Body>
int with_both(Element element, const TokenGateBackward& args, Body body) {
  return with_type(element, [&](auto zero) {
    return args.in.form == 1 ? body(zero, Form<1>{}) : body(zero, Form<0>{});
  });
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_token_gate_chunks(vega::kernels::Element element,
                                const vega::kernels::TokenGateBackward& args, std::int64_t* chunks,
                                void*) {
  using namespace vega::kernels::device;
  return with_both(element, args, [&](auto zero, auto form) {
    return count_chunks<decltype(zero), decltype(form)::value == 1>(args, *chunks);
  });
}

int vega_cuda_token_gate_backward(vega::kernels::Element element,
                                  const vega::kernels::TokenGateBackward& args, void* stream) {
  using namespace vega::kernels::device;
  return with_both(element, args, [&](auto zero, auto form) {
    return launch<decltype(zero), decltype(form)::value == 1>(args,
                                                              static_cast<cudaStream_t>(stream));
  });
}
