// A token's part of the backward pass: what follows from the sums over its channels, the gradient
// of one element, and how a block of packed rows comes to both.
#pragma once

#include "kernels/token_gate.cuh"

namespace vega::kernels::device {

// One stream of one token: d(row) = e y + t (u - mean of u) - k - v (x - mean), y = d out, normed
// w d out; into the sums X, Y, Z go t (x - mean), h d out (x - mean), z d out.
struct Part {
  float mean, e, t, k, v, h, z;
};

struct Token {
  Part s, g;
  float t, r;  // into the sums T and R
};

// m: the token's statistics. along: sum of d out (S - G). share: 1 / number of channels.
template <typename P>
__device__ inline Token plain_token(const float* m, float along, float of_gate, const P* scale,
                                    float share) {
  const float g = m[6], q = m[7];
  const float r = scale != nullptr ? widen(*scale) : 1.0F;
  const float t = (r * along + of_gate) * (g * q);
  return {
      {m[0], scale != nullptr ? 1.0F - r * q : g, t * m[1], 0, m[1] * m[1] * t * m[2] * share, 0, 0},
      {m[3], r * q, t * m[4], 0, m[4] * m[4] * t * m[5] * share, 0, 0},
      t,
      -q * along};
}

// sums: of y and y (x - mean) of S, the same of G, of d out (b1 - b2).
__device__ inline Token normed_token(const float* m, const float (&sums)[8], float of_gate,
                                     float share) {
  const float g = m[6], q = m[7];
  const float t = (m[1] * sums[1] - m[4] * sums[3] + sums[4] + of_gate) * (g * q);
  const float h1 = g * m[1], h2 = q * m[4];
  return {
      {m[0], h1, t * m[1], h1 * sums[0] * share, m[1] * m[1] * (t * m[2] + h1 * sums[1]) * share, h1,
       g},
      {m[3], h2, t * m[4], h2 * sums[2] * share, m[4] * m[4] * (t * m[5] + h2 * sums[3]) * share, h2,
       q},
      t,
      0};
}

// Gradient of one element, and its share of the sums.
template <bool kNormed>
__device__ inline float element(const Part& p, float x, float d, float uc, float w, float& sum_x,
                                float& sum_y, float& sum_z) {
  const float rest = x - p.mean;
  sum_x += p.t * rest;
  if constexpr (kNormed) {
    sum_y += p.h * (d * rest);
    sum_z += p.z * d;
    return p.e * (w * d) - p.k + (p.t * uc - p.v * rest);
  } else {
    return p.e * d + (p.t * uc - p.v * rest);
  }
}

struct Chunk {
  std::int64_t first, end;
};

template <typename P>
__device__ inline Chunk chunk_of(const TokenGateBackwardOf<P>& b) {
  const std::int64_t size = (b.in.rows + b.chunks - 1) / b.chunks;
  const std::int64_t first = blockIdx.x * size;
  return {first, first + size < b.in.rows ? first + size : b.in.rows};
}

// ---- packed rows: a thread owns the same columns of every token of its block's chunk

constexpr int kTile = 64;  // tokens whose statistics are fetched at once

// Threads of a block: 128 registers each where eight columns are a thread's, 64 where four are.
template <typename T>
constexpr int kThreads = sizeof(T) == 2 ? 512 : 1024;

// Statistics and d gate of the tokens from `row` on, `floats` and `gates` in shared memory.
template <typename P>
__device__ inline void fetch_tile(const TokenGateBackwardOf<P>& b, std::int64_t row,
                                  std::int64_t end, float* floats, float* gates) {
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
template <int V, bool kNormed, typename P>
__device__ inline void prepare(const TokenGateOf<P>& a, std::int64_t c, bool inside, BlockSums& sum,
                               Own<V>& own) {
  float u1[V] = {}, u2[V] = {};
  float means[2] = {};
  if (inside) {
    float w1[V], w2[V];
    load_parameters(a.w1 + c, w1);
    load_parameters(a.w2 + c, w2);
    load_parameters(a.gate_w + c, u1);
    load_parameters(a.gate_w + a.width + c, u2);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      means[0] += u1[i] *= w1[i];
      means[1] += u2[i] *= w2[i];
    }
    if constexpr (kNormed) {
      float b1[V], b2[V];
      load_parameters(a.b1 + c, b1);
      load_parameters(a.b2 + c, b2);
#pragma unroll
      for (int i = 0; i < V; ++i) b1[i] -= b2[i];
      own.put(kW1, w1);
      own.put(kW2, w2);
      own.put(kShift, b1);
    }
  }
  sum(means);
  const float share = 1.0F / static_cast<float>(a.width);
#pragma unroll
  for (int i = 0; i < V; ++i) {
    u1[i] -= means[0] * share;
    u2[i] -= means[1] * share;
  }
  if (!inside) return;
  own.put(kU1, u1);
  own.put(kU2, u2);
}

struct Raw {
  uint4 s, g, d;
};

template <typename T, typename P>
__device__ inline Raw fetch_row(const TokenGateBackwardOf<P>& b, std::int64_t at) {
  return {load_once(static_cast<const T*>(b.in.s) + at),
          load_once(static_cast<const T*>(b.in.g) + at),
          load_once(static_cast<const T*>(b.d_out) + at)};
}

// The sums over a token's channels, and what follows from them.
template <typename T, bool kNormed, typename P>
__device__ inline Token reduce_row(const TokenGateBackwardOf<P>& b, const Raw& raw, bool inside,
                                   const float* m, float of_gate, const Own<kVector<T>>& own,
                                   BlockSums& sum) {
  constexpr int V = kVector<T>;
  const float share = 1.0F / static_cast<float>(b.in.width);
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
    return normed_token(m, sums, of_gate, share);
  } else {
    float along[1] = {};
    if (inside) {
#pragma unroll
      for (int i = 0; i < V; ++i) along[0] += d[i] * (s[i] - g[i]);
    }
    sum(along);
    return plain_token(m, along[0], of_gate, b.in.r, share);
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

}  // namespace vega::kernels::device
