#include <cmath>
#include <vector>

#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {
namespace {

struct Args {
  void* qkv;
  const float* wq;
  const float* wk;
  const float* rope;
  std::int64_t frames, tokens, heads, head_dim;
  float eps;
  float* row;
};

// A row normed, and the pairs of each head rotated, in place.
template <typename T>
VEGA_INLINE void norm_and_rotate(const Args& a, T* __restrict x, const float* __restrict w,
                                 const float* __restrict rope) {
  const std::int64_t width = a.heads * a.head_dim;
  float* __restrict row = a.row;
  for (std::int64_t i = 0; i < width; ++i) row[i] = load(x[i]);
  const float squares = sum_lanes(width, [&](std::int64_t i) { return row[i] * row[i]; });
  const float scale = 1.0F / std::sqrt(squares / static_cast<float>(width) + a.eps);
  for (std::int64_t i = 0; i < width; ++i) row[i] = row[i] * scale * w[i];
  for (std::int64_t h = 0; h < a.heads; ++h) {
    const float* __restrict from = row + h * a.head_dim;
    T* __restrict to = x + h * a.head_dim;
    for (std::int64_t j = 0; j < a.head_dim / 2; ++j) {
      const float c = rope[2 * j];
      const float s = rope[2 * j + 1];
      to[2 * j] = store<T>(from[2 * j] * c - from[2 * j + 1] * s);
      to[2 * j + 1] = store<T>(from[2 * j] * s + from[2 * j + 1] * c);
    }
  }
}

template <typename T>
VEGA_INLINE void run(const Args& a) {
  const std::int64_t width = a.heads * a.head_dim;
  for (std::int64_t n = 0; n < a.frames; ++n) {
    for (std::int64_t l = 0; l < a.tokens; ++l) {
      T* x = static_cast<T*>(a.qkv) + (n * a.tokens + l) * 3 * width;
      const float* rope = a.rope + l * a.head_dim;
      norm_and_rotate(a, x, a.wq, rope);
      norm_and_rotate(a, x + width, a.wk, rope);
    }
  }
}

VEGA_CLONES void run_f32(const Args& a) { run<float>(a); }
VEGA_CLONES void run_bf16(const Args& a) { run<std::uint16_t>(a); }

}  // namespace

void qk_norm_rope(Element element, void* qkv, const float* wq, const float* wk, const float* rope,
                  std::int64_t frames, std::int64_t tokens, int heads, std::int64_t head_dim,
                  float eps) {
  std::vector<float> row(static_cast<std::size_t>(heads * head_dim));
  const Args a{qkv, wq, wk, rope, frames, tokens, heads, head_dim, eps, row.data()};
  element == Element::kBF16 ? run_bf16(a) : run_f32(a);
}

}  // namespace vega::kernels::cpu
