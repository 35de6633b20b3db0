#include <cmath>
#include <vector>

#include "kernels/norm_cpu.h"

namespace vega::kernels::cpu {
namespace {

// Weights of the m keys of each head; the pad key (logit 0, bias log_pad) takes the rest.
template <typename T>
VEGA_INLINE void weigh(const CrossGate& a, const T* __restrict ql, float* __restrict p) {
  const float squares = sum_lanes(a.width, [&](std::int64_t i) {
    const float v = load(ql[i]);
    return v * v;
  });
  const float scale = 1.0F / std::sqrt(squares / static_cast<float>(a.width) + a.eps);
  const T* logits = ql + a.width;
  for (int h = 0; h < a.heads; ++h) {
    float* head = p + h * a.keys;
    float top = a.log_pad;
    for (int i = 0; i < a.keys; ++i) {
      head[i] = load(logits[h * a.keys + i]) * scale;
      top = head[i] > top ? head[i] : top;
    }
    float total = exp_f32(a.log_pad - top);
    for (int i = 0; i < a.keys; ++i) {
      head[i] = exp_f32(head[i] - top);
      total += head[i];
    }
    for (int i = 0; i < a.keys; ++i) head[i] /= total;
  }
}

// x += c + sum of p_j u_j, four rows of u at a time so that x is read and written less often.
VEGA_INLINE void add_values(const CrossGate& a, const float* __restrict p, float* __restrict x) {
  const float* __restrict c = a.c;
  const int count = a.heads * a.keys;
  for (std::int64_t i = 0; i < a.width; ++i) x[i] += c[i];
  int j = 0;
  for (; j + 4 <= count; j += 4) {
    const float* __restrict u0 = a.u + j * a.width;
    const float* __restrict u1 = u0 + a.width;
    const float* __restrict u2 = u1 + a.width;
    const float* __restrict u3 = u2 + a.width;
    const float p0 = p[j], p1 = p[j + 1], p2 = p[j + 2], p3 = p[j + 3];
    for (std::int64_t i = 0; i < a.width; ++i) {
      x[i] += (p0 * u0[i] + p1 * u1[i]) + (p2 * u2[i] + p3 * u3[i]);
    }
  }
  for (; j < count; ++j) {
    const float* __restrict u = a.u + j * a.width;
    const float weight = p[j];
    for (std::int64_t i = 0; i < a.width; ++i) x[i] += weight * u[i];
  }
}

template <typename T, typename Out>
VEGA_INLINE void run(const CrossGate& a, float* p) {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    float* x = a.x + r * a.width;
    weigh(a, static_cast<const T*>(a.ql) + r * a.stride, p);
    add_values(a, p, x);
    if (a.out) layer_norm_row(x, static_cast<Out*>(a.out) + r * a.width, a.width, a.ln_eps);
  }
}

using Half = std::uint16_t;
VEGA_CLONES void f32_to_f32(const CrossGate& a, float* p) { run<float, float>(a, p); }
VEGA_CLONES void f32_to_bf16(const CrossGate& a, float* p) { run<float, Half>(a, p); }
VEGA_CLONES void bf16_to_f32(const CrossGate& a, float* p) { run<Half, float>(a, p); }
VEGA_CLONES void bf16_to_bf16(const CrossGate& a, float* p) { run<Half, Half>(a, p); }

}  // namespace

void cross_gate(Element element, Element out_element, const CrossGate& args) {
  std::vector<float> p(static_cast<std::size_t>(args.heads * args.keys));
  const bool half_out = out_element == Element::kBF16;
  if (element == Element::kBF16) {
    half_out ? bf16_to_bf16(args, p.data()) : bf16_to_f32(args, p.data());
  } else {
    half_out ? f32_to_bf16(args, p.data()) : f32_to_f32(args, p.data());
  }
}

}  // namespace vega::kernels::cpu
