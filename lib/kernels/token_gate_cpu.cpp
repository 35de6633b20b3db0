#include <cmath>

#include "kernels/norm_cpu.h"

namespace vega::kernels::cpu {
namespace {

struct Stream {
  float mean, scale, dot;  // dot: sum of u times the normed row
};

// Mean, then squares and dot product of what is left after the mean: further looks at a row that
// the first one brought into the cache.
template <typename T>
VEGA_INLINE Stream look(const T* __restrict x, const float* __restrict u, std::int64_t width,
                        float eps) {
  const auto n = static_cast<float>(width);
  const float mean = sum_lanes(width, [&](std::int64_t i) { return load(x[i]); }) / n;
  float squares[kLanes] = {};
  float dots[kLanes] = {};
  const auto add = [&](std::int64_t i, int l) {
    const float d = load(x[i]) - mean;
    squares[l] += d * d;
    dots[l] += d * u[i];
  };
  std::int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) add(i + l, l);
  }
  for (int l = 0; i < width; ++i, ++l) add(i, l);
  const float variance = sum_lanes(kLanes, [&](std::int64_t l) { return squares[l]; }) / n;
  const float scale = 1.0F / std::sqrt(variance + eps);
  return {mean, scale, sum_lanes(kLanes, [&](std::int64_t l) { return dots[l]; }) * scale};
}

struct Gates {
  float g, q;  // q = 1 - g, without the cancellation
};

// The larger of the two is 1 / (1 + e), the smaller e / (1 + e), e = exp(-|logit|).
Gates sigmoids(float logit) {
  const float e = std::exp(-std::fabs(logit));
  const float large = 1.0F / (1.0F + e);
  const float small = e * large;
  return logit >= 0 ? Gates{large, small} : Gates{small, large};
}

template <typename T>
VEGA_INLINE void blend(const TokenGate& a, const T* __restrict s, const T* __restrict g, Stream s1,
                       Stream s2, Gates k, T* __restrict out) {
  const std::int64_t width = a.width;
  if (a.form == 1) {
    const float* __restrict w1 = a.w1;
    const float* __restrict b1 = a.b1;
    const float* __restrict w2 = a.w2;
    const float* __restrict b2 = a.b2;
    for (std::int64_t i = 0; i < width; ++i) {
      const float n1 = (load(s[i]) - s1.mean) * s1.scale * w1[i] + b1[i];
      const float n2 = (load(g[i]) - s2.mean) * s2.scale * w2[i] + b2[i];
      out[i] = store<T>(k.g * n1 + k.q * n2);
    }
  } else if (a.form == 2) {
    const float r = *a.r;
    for (std::int64_t i = 0; i < width; ++i) {
      const float own = load(s[i]);
      const float m = k.g * own + k.q * load(g[i]);
      out[i] = store<T>(own + r * (m - own));
    }
  } else {
    for (std::int64_t i = 0; i < width; ++i) out[i] = store<T>(k.g * load(s[i]) + k.q * load(g[i]));
  }
}

template <typename T>
VEGA_INLINE void run(const TokenGate& a, const float* folded, std::int64_t first,
                     std::int64_t last) {
  const float bias = folded[2 * a.width];
  for (std::int64_t row = first; row < last; ++row) {
    const T* s = static_cast<const T*>(a.s) + row * a.width;
    const T* g = static_cast<const T*>(a.g) + row * a.width;
    const Stream s1 = look(s, folded, a.width, a.eps);
    const Stream s2 = look(g, folded + a.width, a.width, a.eps);
    const Gates k = sigmoids(s1.dot + s2.dot + bias);
    blend(a, s, g, s1, s2, k, static_cast<T*>(a.out) + row * a.width);
    a.gate[row] = k.g;
    const float all[] = {s1.mean, s1.scale, s1.dot, s2.mean, s2.scale, s2.dot, k.g, k.q};
    for (int j = 0; j < 8; ++j) a.statistics[row * 8 + j] = all[j];
  }
}

VEGA_CLONES void run_f32(const TokenGate& a, const float* folded, std::int64_t first,
                         std::int64_t last) {
  run<float>(a, folded, first, last);
}
VEGA_CLONES void run_bf16(const TokenGate& a, const float* folded, std::int64_t first,
                          std::int64_t last) {
  run<std::uint16_t>(a, folded, first, last);
}

}  // namespace

VEGA_CLONES void token_gate_fold(const TokenGate& a, float* folded) {
  const float* __restrict left = a.gate_w;
  const float* __restrict right = a.gate_w + a.width;
  float* __restrict u1 = folded;
  float* __restrict u2 = folded + a.width;
  const auto n = static_cast<float>(a.width);
  const float bias1 = sum_lanes(a.width, [&](std::int64_t i) { return left[i] * a.b1[i]; });
  const float bias2 = sum_lanes(a.width, [&](std::int64_t i) { return right[i] * a.b2[i]; });
  const float sum1 = sum_lanes(a.width, [&](std::int64_t i) { return u1[i] = left[i] * a.w1[i]; });
  const float sum2 = sum_lanes(a.width, [&](std::int64_t i) { return u2[i] = right[i] * a.w2[i]; });
  float* constants = folded + 2 * a.width;
  constants[0] = bias1 + bias2 + *a.gate_b;
  constants[1] = sum1 / n;
  constants[2] = sum2 / n;
  constants[3] = 0;
}

void token_gate(Element element, const TokenGate& args, const float* folded, std::int64_t first,
                std::int64_t last) {
  (element == Element::kBF16 ? run_bf16 : run_f32)(args, folded, first, last);
}

}  // namespace vega::kernels::cpu
