#include "kernels/cpu_math.h"
#include "kernels/cpu_vectors.h"
#include "kernels/decoder_entry.h"

namespace vega::kernels::cpu {
namespace {

// 32 weights as two vectors: the lower and the upper half; of bfloat16 those of even and of odd
// place, which costs two operations less a vector. x lies in the same order.
VEGA_INLINE void load_weights(const float* from, Floats& first, Floats& second) {
  load_lanes(from, first);
  load_lanes(from + kHalf, second);
}
VEGA_INLINE void load_weights(const std::uint16_t* from, Floats& first, Floats& second) {
  using LooseWords = std::uint32_t __attribute__((vector_size(4 * kHalf), aligned(2), may_alias));
  const Words pairs = *reinterpret_cast<const LooseWords*>(from);
  first = (Floats)(pairs << 16);
  second = (Floats)(pairs & 0xffff0000U);
}

// kRows rows of x with kColumns rows of the weight. Each product goes to one of 32 lanes by its
// place in the row, whatever kRows and kColumns are.
template <typename T, int kRows, int kColumns>
VEGA_INLINE void tile(const RowLinear& a, std::int64_t row, std::int64_t column) {
  Floats sums[kRows][kColumns][2] = {};
  const float* x = a.x + row * a.stride;
  const T* weight = static_cast<const T*>(a.weight) + column * a.in;
  const auto step = [&](const float* from_x, const T* from_w, std::int64_t w_stride)
      __attribute__((always_inline)) {
    for (int n = 0; n < kColumns; ++n) {
      Floats first, second, value;
      load_weights(from_w + n * w_stride, first, second);
      for (int m = 0; m < kRows; ++m) {
        load_lanes(from_x + m * a.stride, value);
        sums[m][n][0] += value * first;
        load_lanes(from_x + m * a.stride + kHalf, value);
        sums[m][n][1] += value * second;
      }
    }
  };
  // The next columns' weights come while these are summed.
  const std::int64_t ahead = kColumns * a.in;
  std::int64_t i = 0;
  for (; i + kLanes <= a.in; i += kLanes) {
    for (int n = 0; n < kColumns; ++n) {
      const auto* next = reinterpret_cast<const char*>(weight + n * a.in + i + ahead);
      __builtin_prefetch(next);
      if constexpr (sizeof(T) == 4) __builtin_prefetch(next + 64);
    }
    step(x + i, weight + i, a.in);
  }
  if (i < a.in) {  // the rest, filled up with zeros as x is
    T rest[kColumns][kLanes] = {};
    for (int n = 0; n < kColumns; ++n) {
      for (std::int64_t l = 0; i + l < a.in; ++l) rest[n][l] = weight[n * a.in + i + l];
    }
    step(x + i, rest[0], kLanes);
  }
  for (int m = 0; m < kRows; ++m) {
    T* out = static_cast<T*>(a.out) + (row + m) * a.width + column;
    for (int n = 0; n < kColumns; ++n) {
      float sum = fold(sums[m][n][0] + sums[m][n][1]);
      if (a.bias != nullptr) sum += load(static_cast<const T*>(a.bias)[column + n]);
      out[n] = store<T>(sum);
    }
  }
}

// The weights of the columns lie in a near cache for all but the first rows.
template <typename T, int kColumns>
VEGA_INLINE void all_rows(const RowLinear& a, std::int64_t column) {
  std::int64_t row = 0;
  for (; row + 4 <= a.rows; row += 4) {
    for (int n = 0; n < kColumns; n += 2)
      tile < T, 4, kColumns<2 ? kColumns : 2>(a, row, column + n);
  }
  for (; row < a.rows; ++row) tile<T, 1, kColumns>(a, row, column);
}

template <typename T>
VEGA_INLINE void run(const RowLinear& a, std::int64_t first, std::int64_t last) {
  std::int64_t column = first;
  for (; column + 4 <= last; column += 4) all_rows<T, 4>(a, column);
  for (; column < last; ++column) all_rows<T, 1>(a, column);
}

VEGA_CLONES void columns_f32(const RowLinear& a, std::int64_t first, std::int64_t last) {
  run<float>(a, first, last);
}
VEGA_CLONES void columns_bf16(const RowLinear& a, std::int64_t first, std::int64_t last) {
  run<std::uint16_t>(a, first, last);
}

}  // namespace

void row_linear_spread(Element element, const void* x, std::int64_t rows, std::int64_t in,
                       std::int64_t stride, float* out) {
  with_type(element, [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(x);
    for (std::int64_t r = 0; r < rows; ++r, from += in, out += stride) {
      for (std::int64_t i = 0; i < stride; ++i) {
        const std::int64_t block = i / kLanes * kLanes, l = i % kLanes;
        const std::int64_t place = sizeof(T) == 2 ? l % 2 * kHalf + l / 2 : l;
        out[block + place] = i < in ? load(from[i]) : 0;
      }
    }
  });
}

void row_linear(Element element, const RowLinear& args, std::int64_t first, std::int64_t last) {
  element == Element::kBF16 ? columns_bf16(args, first, last) : columns_f32(args, first, last);
}

}  // namespace vega::kernels::cpu
