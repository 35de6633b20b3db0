#include <vector>

#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {
namespace {

// One stream of one token. d(row) = e y + t uc - k - v (x - mean), y = d_out, normed w d_out; what
// enters the sums X, Y, Z: t (x - mean), h d_out (x - mean), z d_out.
struct Part {
  float mean, e, t, k, v, h, z;
};

struct Token {
  Part part[2];
  float t, r;  // for the sums T and R
};

// sum of d w and of d w (x - mean).
template <typename T>
VEGA_INLINE void moments(const T* __restrict d, const T* __restrict x, const float* __restrict w,
                         float mean, std::int64_t width, float& first, float& second) {
  float plain[kLanes] = {};
  float times[kLanes] = {};
  const auto add = [&](std::int64_t i, int l) {
    const float y = load(d[i]) * w[i];
    plain[l] += y;
    times[l] += y * (load(x[i]) - mean);
  };
  std::int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) add(i + l, l);
  }
  for (int l = 0; i < width; ++i, ++l) add(i, l);
  first = sum_lanes(kLanes, [&](std::int64_t l) { return plain[l]; });
  second = sum_lanes(kLanes, [&](std::int64_t l) { return times[l]; });
}

// The sums over channels, and from them the coefficients of a token.
template <typename T>
VEGA_INLINE Token prepare(const TokenGateBackward& b, std::int64_t row) {
  const TokenGate& a = b.in;
  const std::int64_t width = a.width;
  const auto n = static_cast<float>(width);
  const T* s = static_cast<const T*>(a.s) + row * width;
  const T* g = static_cast<const T*>(a.g) + row * width;
  const T* d = static_cast<const T*>(b.d_out) + row * width;
  const float* m = a.statistics + row * 8;
  const float scale1 = m[1], scale2 = m[4], gate = m[6], rest = m[7];
  const float from_gate = b.d_gate ? b.d_gate[row] : 0.0F;
  Token token{};
  if (a.form == 1) {
    float a1, m1, a2, m2;
    moments(d, s, a.w1, m[0], width, a1, m1);
    moments(d, g, a.w2, m[3], width, a2, m2);
    const float shift =
        sum_lanes(width, [&](std::int64_t i) { return load(d[i]) * (a.b1[i] - a.b2[i]); });
    const float t = (scale1 * m1 - scale2 * m2 + shift + from_gate) * (gate * rest);
    const float h1 = gate * scale1, h2 = rest * scale2;
    token.part[0] = {m[0], h1,  t * scale1, h1 * a1 / n, scale1 * scale1 * (t * m[2] + h1 * m1) / n,
                     h1,   gate};
    token.part[1] = {m[3], h2,  t * scale2, h2 * a2 / n, scale2 * scale2 * (t * m[5] + h2 * m2) / n,
                     h2,   rest};
    token.t = t;
    return token;
  }
  const float r = a.form == 2 ? *a.r : 1.0F;
  const float along =
      sum_lanes(width, [&](std::int64_t i) { return load(d[i]) * (load(s[i]) - load(g[i])); });
  const float t = (r * along + from_gate) * (gate * rest);
  token.part[0] = {m[0], a.form == 2 ? 1.0F - r * rest : gate, t * scale1,
                   0,    scale1 * scale1 * t * m[2] / n,       0,
                   0};
  token.part[1] = {m[3], r * rest, t * scale2, 0, scale2 * scale2 * t * m[5] / n, 0, 0};
  token.t = t;
  token.r = -rest * along;
  return token;
}

struct Sums {
  float *x, *y, *z;
};

// `kTokens` rows from `row` on: gradient of one stream, and what they add to the sums.
template <typename T, int kTokens, bool kNormed>
VEGA_INLINE void write(const T* from, const T* d, T* to, const Token* tokens, int stream,
                       const float* __restrict u, float centre, const float* __restrict w,
                       std::int64_t width, const Sums& sums) {
  Part p[kTokens];
  for (int j = 0; j < kTokens; ++j) p[j] = tokens[j].part[stream];
  float* __restrict x_sum = sums.x;
  float* __restrict y_sum = sums.y;
  float* __restrict z_sum = sums.z;
#pragma GCC ivdep
  for (std::int64_t i = 0; i < width; ++i) {
    const float uc = u[i] - centre;
    float x = 0, y = 0, z = 0;
#pragma GCC unroll 4
    for (int j = 0; j < kTokens; ++j) {
      const float dout = load(d[j * width + i]);
      const float rest = load(from[j * width + i]) - p[j].mean;
      if constexpr (kNormed) {
        const float own = p[j].e * (w[i] * dout) - p[j].k;
        to[j * width + i] = store<T>(own + (p[j].t * uc - p[j].v * rest));
        y += p[j].h * (dout * rest);
        z += p[j].z * dout;
      } else {
        to[j * width + i] = store<T>(p[j].e * dout + (p[j].t * uc - p[j].v * rest));
      }
      x += p[j].t * rest;
    }
    x_sum[i] += x;
    if constexpr (kNormed) {
      y_sum[i] += y;
      z_sum[i] += z;
    }
  }
}

template <typename T, int kTokens, bool kNormed>
VEGA_INLINE void group(const TokenGateBackward& b, const float* folded, std::int64_t row,
                       float* sums, float& t, float& r) {
  const TokenGate& a = b.in;
  Token tokens[kTokens];
  for (int j = 0; j < kTokens; ++j) {
    tokens[j] = prepare<T>(b, row + j);
    t += tokens[j].t;
    r += tokens[j].r;
  }
  const std::int64_t at = row * a.width;
  const T* d = static_cast<const T*>(b.d_out) + at;
  const float* constants = folded + 2 * a.width;
  for (int stream = 0; stream < 2; ++stream) {
    const T* from = static_cast<const T*>(stream == 0 ? a.s : a.g) + at;
    T* to = static_cast<T*>(stream == 0 ? b.ds : b.dg) + at;
    float* x = sums + stream * a.width;
    const Sums of{x, kNormed ? x + 2 * a.width : nullptr, kNormed ? x + 4 * a.width : nullptr};
    write<T, kTokens, kNormed>(from, d, to, tokens, stream, folded + stream * a.width,
                               constants[1 + stream], stream == 0 ? a.w1 : a.w2, a.width, of);
  }
}

// Groups of four from the chunk's first row on, the rest singly: the order of all sums depends on
// the sizes alone.
template <typename T, bool kNormed>
VEGA_INLINE void run(const TokenGateBackward& b, const float* folded, std::int64_t chunk) {
  const std::int64_t size = (b.in.rows + b.chunks - 1) / b.chunks;
  std::int64_t row = chunk * size;
  const std::int64_t end = row + size < b.in.rows ? row + size : b.in.rows;
  const std::int64_t stride = b.stride;
  float* sums = b.partial + chunk * stride;
  for (std::int64_t i = 0; i < stride; ++i) sums[i] = 0;
  float t = 0, r = 0;
  for (; row + 4 <= end; row += 4) group<T, 4, kNormed>(b, folded, row, sums, t, r);
  for (; row < end; ++row) group<T, 1, kNormed>(b, folded, row, sums, t, r);
  sums[stride - 4] = t;
  sums[stride - 3] = r;
}

using Half = std::uint16_t;
using Args = const TokenGateBackward&;
VEGA_CLONES void plain_f32(Args b, const float* f, std::int64_t c) { run<float, false>(b, f, c); }
VEGA_CLONES void plain_bf16(Args b, const float* f, std::int64_t c) { run<Half, false>(b, f, c); }
VEGA_CLONES void normed_f32(Args b, const float* f, std::int64_t c) { run<float, true>(b, f, c); }
VEGA_CLONES void normed_bf16(Args b, const float* f, std::int64_t c) { run<Half, true>(b, f, c); }

// total[i] += from[i] over chunks, in their order.
VEGA_CLONES void add_chunks(const float* from, std::int64_t chunks, std::int64_t stride,
                            std::int64_t count, double* __restrict total) {
  for (std::int64_t i = 0; i < count; ++i) total[i] = 0;
  for (std::int64_t c = 0; c < chunks; ++c) {
    const float* __restrict row = from + c * stride;
    for (std::int64_t i = 0; i < count; ++i) total[i] += static_cast<double>(row[i]);
  }
}

}  // namespace

void token_gate_backward(Element element, const TokenGateBackward& args, const float* folded,
                         std::int64_t chunk) {
  const bool half = element == Element::kBF16;
  if (args.in.form == 1) {
    (half ? normed_bf16 : normed_f32)(args, folded, chunk);
  } else {
    (half ? plain_bf16 : plain_f32)(args, folded, chunk);
  }
}

void token_gate_reduce(const TokenGateBackward& b, std::int64_t first, std::int64_t last) {
  const TokenGate& a = b.in;
  const std::int64_t stride = b.stride;
  const std::int64_t count = last - first;
  double ends[2];
  add_chunks(b.partial + stride - 4, b.chunks, stride, 2, ends);
  std::vector<double> total(static_cast<std::size_t>(3 * count));
  for (int stream = 0; stream < 2; ++stream) {
    for (int sum = 0; 2 * sum < token_gate_sums(a.form); ++sum) {
      add_chunks(b.partial + (2 * sum + stream) * a.width + first, b.chunks, stride, count,
                 total.data() + sum * count);
    }
    const float* w = stream == 0 ? a.w1 : a.w2;
    const float* bias = stream == 0 ? a.b1 : a.b2;
    float* dw = stream == 0 ? b.dw1 : b.dw2;
    float* db = stream == 0 ? b.db1 : b.db2;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t c = first + i;
      const double* sums = total.data() + i;
      const double gate_w = a.gate_w[stream * a.width + c];
      dw[c] = static_cast<float>(gate_w * sums[0] + sums[count]);
      db[c] = static_cast<float>(gate_w * ends[0] + sums[2 * count]);
      b.d_gate_w[stream * a.width + c] = static_cast<float>(w[c] * sums[0] + bias[c] * ends[0]);
    }
  }
  if (first > 0) return;
  *b.d_gate_b = static_cast<float>(ends[0]);
  if (b.dr) *b.dr = static_cast<float>(ends[1]);
}

}  // namespace vega::kernels::cpu
