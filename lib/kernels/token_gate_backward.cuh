// A token's part of the backward pass: what follows from the sums over its channels, and the
// gradient of one element.
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

// m: the token's statistics. along: sum of d out (S - G).
__device__ inline Token plain_token(const float* m, float along, float of_gate, const float* scale,
                                    float n) {
  const float g = m[6], q = m[7];
  const float r = scale != nullptr ? *scale : 1.0F;
  const float t = (r * along + of_gate) * (g * q);
  return {
      {m[0], scale != nullptr ? 1.0F - r * q : g, t * m[1], 0, m[1] * m[1] * t * m[2] / n, 0, 0},
      {m[3], r * q, t * m[4], 0, m[4] * m[4] * t * m[5] / n, 0, 0},
      t,
      -q * along};
}

// sums: of y and y (x - mean) of S, the same of G, of d out (b1 - b2).
__device__ inline Token normed_token(const float* m, const float (&sums)[8], float of_gate,
                                     float n) {
  const float g = m[6], q = m[7];
  const float t = (m[1] * sums[1] - m[4] * sums[3] + sums[4] + of_gate) * (g * q);
  const float h1 = g * m[1], h2 = q * m[4];
  return {
      {m[0], h1, t * m[1], h1 * sums[0] / n, m[1] * m[1] * (t * m[2] + h1 * sums[1]) / n, h1, g},
      {m[3], h2, t * m[4], h2 * sums[2] / n, m[4] * m[4] * (t * m[5] + h2 * sums[3]) / n, h2, q},
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

__device__ inline Chunk chunk_of(const TokenGateBackward& b) {
  const std::int64_t size = (b.in.rows + b.chunks - 1) / b.chunks;
  const std::int64_t first = blockIdx.x * size;
  return {first, first + size < b.in.rows ? first + size : b.in.rows};
}

}  // namespace vega::kernels::device
