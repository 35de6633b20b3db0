#include <cmath>
#include <vector>

#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {
namespace {

struct Args : RmsSilu {
  float* row;  // scratch for one row
};

// row = x + bias.
template <typename T>
VEGA_INLINE void read_row(const Args& a, std::int64_t offset, float* __restrict row) {
  const T* __restrict x = static_cast<const T*>(a.x) + offset;
  const float* __restrict bias = a.bias;
  if (bias == nullptr) {
    for (std::int64_t c = 0; c < a.channels; ++c) row[c] = load(x[c]);
  } else {
    for (std::int64_t c = 0; c < a.channels; ++c) row[c] = load(x[c]) + bias[c];
  }
}

// row = row + other, rounded to T; stored, where somebody wants it.
template <typename T>
VEGA_INLINE void add_other(const Args& a, std::int64_t offset, float* __restrict row) {
  const T* __restrict other = static_cast<const T*>(a.other) + offset;
  if (a.sum == nullptr) {
    for (std::int64_t c = 0; c < a.channels; ++c) row[c] = load(store<T>(row[c] + load(other[c])));
    return;
  }
  T* __restrict sum = static_cast<T*>(a.sum) + offset;
  for (std::int64_t c = 0; c < a.channels; ++c) {
    const T rounded = store<T>(row[c] + load(other[c]));
    sum[c] = rounded;
    row[c] = load(rounded);
  }
}

template <typename T, bool kSilu>
VEGA_INLINE void run(const Args& a) {
  float* __restrict row = a.row;
  const float* __restrict scale = a.scale;
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const std::int64_t offset = r * a.channels;
    read_row<T>(a, offset, row);
    if (a.other != nullptr) add_other<T>(a, offset, row);
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

// A row of pixels: `width` of them, and a zero one.
template <typename T>
VEGA_INLINE void add_rows(const AddPadded& a) {
  const std::int64_t wide = a.width * a.channels;
  const float* __restrict bias = a.bias;
  const T* __restrict x = static_cast<const T*>(a.x);
  const T* __restrict other = static_cast<const T*>(a.other);
  T* __restrict out = static_cast<T*>(a.out);
  for (std::int64_t n = 0; n < a.frames; ++n) {
    for (std::int64_t h = 0; h < a.height; ++h, x += wide, other += wide) {
      if (bias == nullptr) {
        for (std::int64_t i = 0; i < wide; ++i) out[i] = store<T>(load(x[i]) + load(other[i]));
      } else {
        for (std::int64_t w = 0; w < wide; w += a.channels) {
          for (std::int64_t c = 0; c < a.channels; ++c)
            out[w + c] = store<T>(load(x[w + c]) + bias[c] + load(other[w + c]));
        }
      }
      for (std::int64_t c = 0; c < a.channels; ++c) out[wide + c] = T{};
      out += wide + a.channels;
    }
    for (std::int64_t i = 0; i < wide + a.channels; ++i) out[i] = T{};
    out += wide + a.channels;
  }
}

VEGA_CLONES void add_rows_f32(const AddPadded& a) { add_rows<float>(a); }
VEGA_CLONES void add_rows_bf16(const AddPadded& a) { add_rows<std::uint16_t>(a); }

}  // namespace

void rms_silu(Element element, const RmsSilu& args) {
  std::vector<float> row(static_cast<std::size_t>(args.channels));
  const Args a{args, row.data()};
  if (element == Element::kBF16) {
    a.silu ? silu_rows_bf16(a) : plain_rows_bf16(a);
  } else {
    a.silu ? silu_rows_f32(a) : plain_rows_f32(a);
  }
}

void add_padded(Element element, const AddPadded& args) {
  element == Element::kBF16 ? add_rows_bf16(args) : add_rows_f32(args);
}

}  // namespace vega::kernels::cpu
