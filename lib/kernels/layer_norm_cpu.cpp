#include "kernels/norm_cpu.h"

namespace vega::kernels::cpu {
namespace {

struct Args {
  float* x;
  const void* y;
  void* out;
  std::int64_t rows, width;
  float eps;
};

template <typename Y>
VEGA_INLINE void add_row(float* __restrict x, const Y* __restrict y, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) x[i] += load(y[i]);
}

template <typename Y, typename Out>
VEGA_INLINE void run(const Args& a) {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    float* x = a.x + r * a.width;
    if (a.y) add_row(x, static_cast<const Y*>(a.y) + r * a.width, a.width);
    if (a.out) layer_norm_row(x, static_cast<Out*>(a.out) + r * a.width, a.width, a.eps);
  }
}

using Half = std::uint16_t;
VEGA_CLONES void f32_to_f32(const Args& a) { run<float, float>(a); }
VEGA_CLONES void f32_to_bf16(const Args& a) { run<float, Half>(a); }
VEGA_CLONES void bf16_to_f32(const Args& a) { run<Half, float>(a); }
VEGA_CLONES void bf16_to_bf16(const Args& a) { run<Half, Half>(a); }

}  // namespace

void add_layer_norm(float* x, Element y_element, const void* y, Element out_element, void* out,
                    std::int64_t rows, std::int64_t width, float eps) {
  const Args a{x, y, out, rows, width, eps};
  const bool half_out = out_element == Element::kBF16;
  if (y_element == Element::kBF16) {
    half_out ? bf16_to_bf16(a) : bf16_to_f32(a);
  } else {
    half_out ? f32_to_bf16(a) : f32_to_f32(a);
  }
}

}  // namespace vega::kernels::cpu
