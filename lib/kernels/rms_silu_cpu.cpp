#include <cmath>
#include <vector>

#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {
namespace {

struct Args {
  const void* x;
  const void* other;
  void* sum;
  const float* scale;
  void* out;
  std::int64_t rows, channels;
  float* row;  // scratch for one row
};

// row = x (+ other, rounded to T and stored).
template <typename T>
VEGA_INLINE void read_row(const Args& a, std::int64_t offset, float* __restrict row) {
  const T* __restrict x = static_cast<const T*>(a.x) + offset;
  if (a.other == nullptr) {
    for (std::int64_t c = 0; c < a.channels; ++c) row[c] = load(x[c]);
    return;
  }
  const T* __restrict other = static_cast<const T*>(a.other) + offset;
  T* __restrict sum = static_cast<T*>(a.sum) + offset;
  for (std::int64_t c = 0; c < a.channels; ++c) {
    sum[c] = store<T>(load(x[c]) + load(other[c]));
    row[c] = load(sum[c]);
  }
}

template <typename T, bool kSilu>
VEGA_INLINE void run(const Args& a) {
  float* __restrict row = a.row;
  const float* __restrict scale = a.scale;
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const std::int64_t offset = r * a.channels;
    read_row<T>(a, offset, row);
    const float squares = sum_lanes(a.channels, [&](std::int64_t c) { return row[c] * row[c]; });
    const float norm = std::sqrt(squares);
    const float inverse = 1.0F / (norm < 1e-12F ? 1e-12F : norm);  // NaN stays NaN
    T* __restrict out = static_cast<T*>(a.out) + offset;
    for (std::int64_t c = 0; c < a.channels; ++c) {
      const float value = row[c] * inverse * scale[c];
      out[c] = store<T>(kSilu ? silu_f32(value) : value);
    }
  }
}

VEGA_CLONES void silu_rows_f32(const Args& a) { run<float, true>(a); }
VEGA_CLONES void plain_rows_f32(const Args& a) { run<float, false>(a); }
VEGA_CLONES void silu_rows_bf16(const Args& a) { run<std::uint16_t, true>(a); }
VEGA_CLONES void plain_rows_bf16(const Args& a) { run<std::uint16_t, false>(a); }

}  // namespace

void rms_silu(Element element, const void* x, const void* other, void* sum, const float* scale,
              void* out, std::int64_t rows, std::int64_t channels, bool silu) {
  std::vector<float> row(static_cast<std::size_t>(channels));
  const Args a{x, other, sum, scale, out, rows, channels, row.data()};
  if (element == Element::kBF16) {
    silu ? silu_rows_bf16(a) : plain_rows_bf16(a);
  } else {
    silu ? silu_rows_f32(a) : plain_rows_f32(a);
  }
}

}  // namespace vega::kernels::cpu
