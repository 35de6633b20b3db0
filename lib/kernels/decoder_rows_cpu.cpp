#include <cmath>
#include <vector>

#include "kernels/cpu_math.h"
#include "kernels/decoder_entry.h"

namespace vega::kernels::cpu {
namespace {

struct Norm {
  void* x;
  const void* y;
  const void* weight;
  void* out;
  std::int64_t width;
  float eps;
};

template <typename T>
VEGA_INLINE void norm_rows(const Norm& a, float* __restrict row, std::int64_t first,
                           std::int64_t last) {
  const T* __restrict weight = static_cast<const T*>(a.weight);
  for (std::int64_t r = first; r < last; ++r) {
    T* __restrict x = static_cast<T*>(a.x) + r * a.width;
    if (a.y != nullptr) {
      const T* __restrict y = static_cast<const T*>(a.y) + r * a.width;
      for (std::int64_t i = 0; i < a.width; ++i) x[i] = store<T>(load(x[i]) + load(y[i]));
    }
    for (std::int64_t i = 0; i < a.width; ++i) row[i] = load(x[i]);
    const float squares = sum_lanes(a.width, [&](std::int64_t i) { return row[i] * row[i]; });
    const float scale = 1.0F / std::sqrt(squares / static_cast<float>(a.width) + a.eps);
    T* __restrict out = static_cast<T*>(a.out) + r * a.width;
    for (std::int64_t i = 0; i < a.width; ++i)
      out[i] = store<T>(load(weight[i]) * load(store<T>(row[i] * scale)));
  }
}

VEGA_CLONES void norm_f32(const Norm& a, float* row, std::int64_t first, std::int64_t last) {
  norm_rows<float>(a, row, first, last);
}
VEGA_CLONES void norm_bf16(const Norm& a, float* row, std::int64_t first, std::int64_t last) {
  norm_rows<std::uint16_t>(a, row, first, last);
}

struct Rope {
  void* x;
  const void *cos, *sin;
  std::int64_t heads, head_dim, stride;
};

// Each product is rounded to the type, as in the released arithmetic.
template <typename T>
VEGA_INLINE void rope_rows(const Rope& a, std::int64_t first, std::int64_t last) {
  const std::int64_t half = a.head_dim / 2;
  for (std::int64_t r = first; r < last; ++r) {
    const T* __restrict cos = static_cast<const T*>(a.cos) + r * half;
    const T* __restrict sin = static_cast<const T*>(a.sin) + r * half;
    for (std::int64_t h = 0; h < a.heads; ++h) {
      T* __restrict x = static_cast<T*>(a.x) + r * a.stride + h * a.head_dim;
      for (std::int64_t j = 0; j < half; ++j) {
        const float c = load(cos[j]), s = load(sin[j]), left = load(x[j]),
                    right = load(x[half + j]);
        x[j] = store<T>(load(store<T>(left * c)) - load(store<T>(right * s)));
        x[half + j] = store<T>(load(store<T>(right * c)) + load(store<T>(left * s)));
      }
    }
  }
}

VEGA_CLONES void rope_f32(const Rope& a, std::int64_t first, std::int64_t last) {
  rope_rows<float>(a, first, last);
}
VEGA_CLONES void rope_bf16(const Rope& a, std::int64_t first, std::int64_t last) {
  rope_rows<std::uint16_t>(a, first, last);
}

template <typename T>
VEGA_INLINE void swiglu_values(T* __restrict gate, const T* __restrict up, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    gate[i] = store<T>(load(store<T>(silu_f32(load(gate[i])))) * load(up[i]));
}
VEGA_CLONES void swiglu_f32(float* gate, const float* up, std::int64_t count) {
  swiglu_values(gate, up, count);
}
VEGA_CLONES void swiglu_bf16(std::uint16_t* gate, const std::uint16_t* up, std::int64_t count) {
  swiglu_values(gate, up, count);
}

}  // namespace

void rms_norm(Element element, void* x, const void* y, const void* weight, void* out,
              std::int64_t width, float eps, std::int64_t first, std::int64_t last) {
  std::vector<float> row(static_cast<std::size_t>(width));
  const Norm a{x, y, weight, out, width, eps};
  element == Element::kBF16 ? norm_bf16(a, row.data(), first, last)
                            : norm_f32(a, row.data(), first, last);
}

void rope(Element element, void* x, const void* cos, const void* sin, std::int64_t heads,
          std::int64_t head_dim, std::int64_t stride, std::int64_t first, std::int64_t last) {
  const Rope a{x, cos, sin, heads, head_dim, stride};
  element == Element::kBF16 ? rope_bf16(a, first, last) : rope_f32(a, first, last);
}

void swiglu(Element element, void* gate, const void* up, std::int64_t first, std::int64_t last) {
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    T* from = static_cast<T*>(gate) + first;
    const T* other = static_cast<const T*>(up) + first;
    if constexpr (sizeof(T) == 2) {
      swiglu_bf16(from, other, last - first);
    } else {
      swiglu_f32(from, other, last - first);
    }
  });
}

}  // namespace vega::kernels::cpu
