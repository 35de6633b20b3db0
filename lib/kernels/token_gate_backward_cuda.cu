// Backward, two kernels. The first: a block takes a chunk of neighbouring tokens, a thread the same
// columns of each of them; S, G and d out are read once, the next token's while this one is worked
// on, dS and dG are written once, the sums over tokens stay in registers until the chunk ends. The
// second adds the chunks' sums in their order and makes the gradients of the parameters of them.
// The formulas: docs/kernels/token_gate.md.
#include "kernels/token_gate_backward.cuh"

namespace vega::kernels::device {
namespace {

template <typename T, typename P, bool kNormed>
__global__ void __launch_bounds__(kThreads<T>) packed_rows(const TokenGateBackwardOf<P> b) {
  constexpr int V = kVector<T>;
  constexpr int kSums = kNormed ? V : 1;  // Y and Z are there in the normed form only
  __shared__ __align__(16) float sums_memory[BlockSums::kFloats];
  __shared__ float statistics[kTile * 8];
  __shared__ float gates[kTile];
  const std::int64_t c = static_cast<std::int64_t>(threadIdx.x) * V;
  const bool inside = c < b.in.width;
  const Chunk chunk = chunk_of(b);
  Raw next{};
  if (inside && chunk.first < chunk.end) next = fetch_row<T>(b, chunk.first * b.in.width + c);
  BlockSums sum(sums_memory);
  Own<V> own(dynamic_shared<float4>());
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
template <typename T, typename P, bool kNormed>
__global__ void __launch_bounds__(256) plain_rows(const TokenGateBackwardOf<P> b) {
  __shared__ __align__(16) float sums_memory[BlockSums::kFloats];
  BlockSums sum(sums_memory);
  const TokenGateOf<P>& a = b.in;
  const std::int64_t width = a.width;
  const float share = 1.0F / static_cast<float>(width);
  const std::int64_t stride = b.stride;
  float* sums = b.partial + blockIdx.x * stride;
  float means[2] = {};
  for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
    means[0] += widen(a.gate_w[c]) * widen(a.w1[c]);
    means[1] += widen(a.gate_w[width + c]) * widen(a.w2[c]);
    for (int j = 0; j < (kNormed ? 6 : 2); ++j) sums[j * width + c] = 0;
  }
  sum(means);
  const float mean1 = means[0] * share, mean2 = means[1] * share;
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
        const float y1 = dout * widen(a.w1[c]), y2 = dout * widen(a.w2[c]);
        parts[0] += y1;
        parts[1] += y1 * (widen(s[c]) - m[0]);
        parts[2] += y2;
        parts[3] += y2 * (widen(g[c]) - m[3]);
        parts[4] += dout * (widen(a.b1[c]) - widen(a.b2[c]));
      } else {
        parts[0] += dout * (widen(s[c]) - widen(g[c]));
      }
    }
    sum(parts);
    const float of_gate = b.d_gate != nullptr ? b.d_gate[row] : 0.0F;
    const Token token = kNormed ? normed_token(m, parts, of_gate, share)
                                : plain_token(m, parts[0], of_gate, a.r, share);
    t += token.t;
    r += token.r;
    for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
      const float dout = widen(d[c]);
      float* at = sums + c;
      float none = 0;
      const auto place = [&](int j) -> float& { return kNormed ? at[j * width] : none; };
      const float w1 = widen(a.w1[c]), w2 = widen(a.w2[c]);
      const float u1 = widen(a.gate_w[c]) * w1 - mean1;
      const float u2 = widen(a.gate_w[width + c]) * w2 - mean2;
      const float d1 =
          element<kNormed>(token.s, widen(s[c]), dout, u1, w1, at[0], place(2), place(4));
      const float d2 =
          element<kNormed>(token.g, widen(g[c]), dout, u2, w2, at[width], place(3), place(5));
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
template <typename P, bool kNormed>
__global__ void __launch_bounds__(32 * kSlices) add_chunks(const TokenGateBackwardOf<P> b) {
  __shared__ float shared[kNormed ? 3 : 1][kSlices][32];
  __shared__ float ends[2][kSlices];
  const TokenGateOf<P>& a = b.in;
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
  const float w = widen((stream == 0 ? a.w1 : a.w2)[c]);
  const float bias = widen((stream == 0 ? a.b1 : a.b2)[c]);
  const float gate_w = widen(a.gate_w[stream * a.width + c]);
  const float y = kNormed ? sums[kNormed ? 1 : 0] : 0.0F;
  const float z = kNormed ? sums[kNormed ? 2 : 0] : 0.0F;
  (stream == 0 ? b.dw1 : b.dw2)[c] = gate_w * sums[0] + y;
  (stream == 0 ? b.db1 : b.db2)[c] = gate_w * t + z;
  b.d_gate_w[stream * a.width + c] = w * sums[0] + bias * t;
}

// How the first kernel is launched.
struct Rows {
  bool packed = false;
  int threads = 256;
  std::size_t bytes = 0;    // of dynamic shared memory
  std::int64_t blocks = 0;  // at once on the device
  cudaError_t status = cudaSuccess;
};

template <typename T, typename P, bool kNormed>
Rows rows_of(const TokenGateBackwardOf<P>& b) {
  constexpr int V = kVector<T>;
  Rows rows;
  const std::int64_t vectors = b.in.width / V;
  if (b.in.width % V == 0 && vectors <= kThreads<T> && aligned(b.in.s, 16) && aligned(b.in.g, 16) &&
      aligned(b.d_out, 16) && aligned(b.ds, 16) && aligned(b.dg, 16) && aligned(b.partial, 16) &&
      parameters_aligned(b.in)) {
    rows.threads = threads_for(vectors, 1, kThreads<T>);
    rows.bytes = sizeof(float) * V * slots(kNormed) * rows.threads;
    const Residency r = residency(packed_rows<T, P, kNormed>, rows.threads, rows.bytes);
    rows.packed = r.status == cudaSuccess && r.blocks > 0;
    rows.blocks = r.blocks;
    rows.status = r.status;
    if (rows.packed || r.status != cudaSuccess) return rows;
  }
  rows.threads = 256;
  rows.bytes = 0;
  const Residency r = residency(plain_rows<T, P, kNormed>, rows.threads, 0);
  rows.blocks = r.blocks;
  rows.status = r.status;
  return rows;
}

template <typename T, typename P, bool kNormed>
int count_chunks(const TokenGateBackwardOf<P>& b, std::int64_t& chunks) {
  chunks = 0;
  if (b.in.rows == 0) return cudaSuccess;
  const Rows rows = rows_of<T, P, kNormed>(b);
  if (rows.status != cudaSuccess) {
    cudaGetLastError();  // forget it: the next launch would report it again
    return rows.status;
  }
  const std::int64_t most = rows.blocks < b.in.rows ? rows.blocks : b.in.rows;
  const std::int64_t size = (b.in.rows + most - 1) / most;
  chunks = (b.in.rows + size - 1) / size;
  return cudaSuccess;
}

template <typename T, typename P, bool kNormed>
int launch(const TokenGateBackwardOf<P>& b, cudaStream_t stream) {
  if (b.chunks > 0) {
    const Rows rows = rows_of<T, P, kNormed>(b);
    if (rows.status != cudaSuccess) {
      cudaGetLastError();
      return rows.status;
    }
    const auto blocks = static_cast<unsigned>(b.chunks);
    const auto kernel = rows.packed ? packed_rows<T, P, kNormed> : plain_rows<T, P, kNormed>;
    const int status = launch_kernel(kernel, blocks, rows.threads, rows.bytes, stream, b);
    if (status != cudaSuccess) return status;
  }
  const dim3 grid(static_cast<unsigned>((b.in.width + 31) / 32), 2);
  return launch_kernel(add_chunks<P, kNormed>, grid, dim3(32, kSlices), 0, stream, b);
}

// Calls body(T{}, P{}, Form) with the types and the form, normed or not.
template <typename Body>
int with_all(Element element, Element parameters, int form, Body body) {
  return with_types(element, parameters, [&](auto zero, auto parameter) {
    return form == 1 ? body(zero, parameter, Form<1>{}) : body(zero, parameter, Form<0>{});
  });
}

}  // namespace
}  // namespace vega::kernels::device

int vega_cuda_token_gate_chunks(vega::kernels::Element element, vega::kernels::Element parameters,
                                const vega::kernels::TokenGateBackwardOf<void>& args,
                                std::int64_t* chunks, void*) {
  using namespace vega::kernels::device;
  return with_all(element, parameters, args.in.form, [&](auto zero, auto parameter, auto form) {
    using P = decltype(parameter);
    return count_chunks<decltype(zero), P, decltype(form)::value == 1>(
        vega::kernels::typed<P>(args), *chunks);
  });
}

int vega_cuda_token_gate_backward(vega::kernels::Element element, vega::kernels::Element parameters,
                                  const vega::kernels::TokenGateBackwardOf<void>& args,
                                  void* stream) {
  using namespace vega::kernels::device;
  return with_all(element, parameters, args.in.form, [&](auto zero, auto parameter, auto form) {
    using P = decltype(parameter);
    return launch<decltype(zero), P, decltype(form)::value == 1>(vega::kernels::typed<P>(args),
                                                                 static_cast<cudaStream_t>(stream));
  });
}
