// The loops of dit_rows.h over scores and single elements: softmax, products of rows, GELU.
#include <cmath>
#include <vector>

#include "kernels/cpu_math.h"
#include "kernels/dit_rows_entry.h"

namespace vega::kernels::cpu {
namespace {

// The largest of a row, by lanes.
template <typename T>
VEGA_INLINE float largest_of(const T* __restrict s, std::int64_t n) {
  float lanes[kLanes];
  for (int l = 0; l < kLanes; ++l) lanes[l] = load(s[0]);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const float x = load(s[i + l]);
      lanes[l] = lanes[l] > x ? lanes[l] : x;
    }
  }
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l)
      lanes[l] = lanes[l] > lanes[l + half] ? lanes[l] : lanes[l + half];
  }
  float most = lanes[0];
  for (; i < n; ++i) most = most > load(s[i]) ? most : load(s[i]);
  return most;
}

// `row` holds the exponentials until their sum is known. A NaN in a row is in all its shares.
template <typename T>
VEGA_INLINE void softmax_rows(T* __restrict scores, float* __restrict logs, bool known,
                              std::int64_t rows, std::int64_t columns, float scale,
                              float* __restrict row) {
  for (std::int64_t r = 0; r < rows; ++r) {
    T* __restrict s = scores + r * columns;
    if (known) {
      const float log = logs[r];
      for (std::int64_t i = 0; i < columns; ++i)
        s[i] = store<T>(exp_of_number(load(s[i]) * scale - log) + (log - log));
      continue;
    }
    const float most = largest_of(s, columns) * scale;
    const float sum = sum_lanes(columns, [&](std::int64_t i) {
      const float power = exp_f32(load(s[i]) * scale - most);
      row[i] = power;
      return power;
    });
    const float inverse = 1.0F / sum;
    logs[r] = most + std::log(sum);
    for (std::int64_t i = 0; i < columns; ++i) s[i] = store<T>(row[i] * inverse);
  }
}
VEGA_CLONES void softmax_f32(float* scores, float* logs, bool known, std::int64_t rows,
                             std::int64_t columns, float scale, float* row) {
  softmax_rows(scores, logs, known, rows, columns, scale, row);
}
VEGA_CLONES void softmax_bf16(std::uint16_t* scores, float* logs, bool known, std::int64_t rows,
                              std::int64_t columns, float scale, float* row) {
  softmax_rows(scores, logs, known, rows, columns, scale, row);
}

template <typename T>
VEGA_INLINE void softmax_slopes(const T* __restrict shares, T* __restrict d, const float* along,
                                std::int64_t rows, std::int64_t columns, float scale) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* __restrict p = shares + r * columns;
    T* __restrict to = d + r * columns;
    const float mean = along[r];
    for (std::int64_t i = 0; i < columns; ++i)
      to[i] = store<T>(scale * load(p[i]) * (load(to[i]) - mean));
  }
}
VEGA_CLONES void softmax_slopes_f32(const float* shares, float* d, const float* along,
                                    std::int64_t rows, std::int64_t columns, float scale) {
  softmax_slopes(shares, d, along, rows, columns, scale);
}
VEGA_CLONES void softmax_slopes_bf16(const std::uint16_t* shares, std::uint16_t* d,
                                     const float* along, std::int64_t rows, std::int64_t columns,
                                     float scale) {
  softmax_slopes(shares, d, along, rows, columns, scale);
}

template <typename T>
VEGA_INLINE void row_products(const T* a, const T* b, float* along, std::int64_t rows,
                              std::int64_t columns, std::int64_t stride) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* __restrict x = a + r * stride;
    const T* __restrict y = b + r * stride;
    along[r] = sum_lanes(columns, [&](std::int64_t i) { return load(x[i]) * load(y[i]); });
  }
}
VEGA_CLONES void row_products_f32(const float* a, const float* b, float* along, std::int64_t rows,
                                  std::int64_t columns, std::int64_t stride) {
  row_products(a, b, along, rows, columns, stride);
}
VEGA_CLONES void row_products_bf16(const std::uint16_t* a, const std::uint16_t* b, float* along,
                                   std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  row_products(a, b, along, rows, columns, stride);
}

template <typename T>
VEGA_INLINE void gelu_values(const T* __restrict x, T* __restrict out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = store<T>(gelu_f32(load(x[i])));
}
VEGA_CLONES void gelu_values_f32(const float* x, float* out, std::int64_t count) {
  gelu_values(x, out, count);
}
VEGA_CLONES void gelu_values_bf16(const std::uint16_t* x, std::uint16_t* out, std::int64_t count) {
  gelu_values(x, out, count);
}

// gelu = x s, s = sigmoid(2u): d = s + x s (1 - s) 2u'.
template <typename T>
VEGA_INLINE void gelu_slopes(const T* __restrict dy, const T* __restrict x, T* __restrict dx,
                             std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float v = load(x[i]), square = v * v;
    const float s = 1.0F / (1.0F + exp_of_number(v * (-1.595769122F - 0.0713548163F * square)));
    const float slope = 1.595769122F + 0.2140644488F * square;
    dx[i] = store<T>(load(dy[i]) * (s + v * s * (1.0F - s) * slope));
  }
}
VEGA_CLONES void gelu_slopes_f32(const float* dy, const float* x, float* dx, std::int64_t count) {
  gelu_slopes(dy, x, dx, count);
}
VEGA_CLONES void gelu_slopes_bf16(const std::uint16_t* dy, const std::uint16_t* x,
                                  std::uint16_t* dx, std::int64_t count) {
  gelu_slopes(dy, x, dx, count);
}

}  // namespace

void dit_softmax(Element element, void* scores, float* logs, bool known, std::int64_t rows,
                 std::int64_t columns, float scale) {
  std::vector<float> row(static_cast<std::size_t>(columns));
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (sizeof(T) == 2)
      softmax_bf16(static_cast<T*>(scores), logs, known, rows, columns, scale, row.data());
    else
      softmax_f32(static_cast<T*>(scores), logs, known, rows, columns, scale, row.data());
  });
}

void dit_softmax_backward(Element element, const void* shares, void* d_shares, const float* along,
                          std::int64_t rows, std::int64_t columns, float scale) {
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (sizeof(T) == 2)
      softmax_slopes_bf16(static_cast<const T*>(shares), static_cast<T*>(d_shares), along, rows,
                          columns, scale);
    else
      softmax_slopes_f32(static_cast<const T*>(shares), static_cast<T*>(d_shares), along, rows,
                         columns, scale);
  });
}

void dit_row_products(Element element, const void* a, const void* b, float* along,
                      std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (sizeof(T) == 2)
      row_products_bf16(static_cast<const T*>(a), static_cast<const T*>(b), along, rows, columns,
                        stride);
    else
      row_products_f32(static_cast<const T*>(a), static_cast<const T*>(b), along, rows, columns,
                       stride);
  });
}

void dit_gelu(Element element, const void* x, void* out, std::int64_t first, std::int64_t last) {
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(x) + first;
    T* to = static_cast<T*>(out) + first;
    if constexpr (sizeof(T) == 2)
      gelu_values_bf16(from, to, last - first);
    else
      gelu_values_f32(from, to, last - first);
  });
}

void dit_gelu_backward(Element element, const void* dy, const void* x, void* dx, std::int64_t first,
                       std::int64_t last) {
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    const T* above = static_cast<const T*>(dy) + first;
    const T* from = static_cast<const T*>(x) + first;
    T* to = static_cast<T*>(dx) + first;
    if constexpr (sizeof(T) == 2)
      gelu_slopes_bf16(above, from, to, last - first);
    else
      gelu_slopes_f32(above, from, to, last - first);
  });
}

}  // namespace vega::kernels::cpu
