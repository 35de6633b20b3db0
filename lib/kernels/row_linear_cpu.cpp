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

// The weights are read from end to end, as fast as the memory gives them: one column after the
// other and a hint so many bytes ahead. Four columns at a time took a third longer on a Zen 5.
constexpr std::int64_t kAhead = 8192;
constexpr std::int64_t kNearFloats = 8192;  // 32 KiB

// kRows rows of x with kColumns rows of the weight. Each product goes to one of 32 lanes by its
// place in the row, whatever kRows and kColumns are. kOnce: the weights are not needed again.
template <typename T, int kRows, int kColumns, bool kOnce>
VEGA_INLINE void tile(const RowLinear& a, std::int64_t row, std::int64_t column) {
  Floats sums[kColumns][kRows][2] = {};
  const float* x = a.x + row * a.stride;
  const T* weight = static_cast<const T*>(a.weight) + column * a.in;
  const auto step = [&](const float* from_x, const T* from_w, std::int64_t next)
      __attribute__((always_inline)) {
    Floats first[kColumns], second[kColumns], value;
    for (int n = 0; n < kColumns; ++n) load_weights(from_w + n * next, first[n], second[n]);
    for (int m = 0; m < kRows; ++m) {
      load_lanes(from_x + m * a.stride, value);
      for (int n = 0; n < kColumns; ++n) sums[n][m][0] += value * first[n];
      load_lanes(from_x + m * a.stride + kHalf, value);
      for (int n = 0; n < kColumns; ++n) sums[n][m][1] += value * second[n];
    }
  };
  std::int64_t i = 0;
  for (; i + kLanes <= a.in; i += kLanes) {
    for (int n = 0; n < kColumns; ++n) {
      const auto* ahead = reinterpret_cast<const char*>(weight + n * a.in + i) + kAhead;
      __builtin_prefetch(ahead, 0, kOnce ? 0 : 3);
      if constexpr (sizeof(T) == 4) __builtin_prefetch(ahead + 64, 0, kOnce ? 0 : 3);
    }
    step(x + i, weight + i, a.in);
  }
  if (i < a.in) {  // the rest, filled up with zeros as x is
    T rest[kColumns * kLanes] = {};
    for (int n = 0; n < kColumns; ++n) {
      for (std::int64_t l = 0; i + l < a.in; ++l) rest[n * kLanes + l] = weight[n * a.in + i + l];
    }
    step(x + i, rest, kLanes);
  }
  for (int n = 0; n < kColumns; ++n) {
    for (int m = 0; m < kRows; ++m) {
      float sum = fold(sums[n][m][0] + sums[n][m][1]);
      if (a.bias != nullptr) sum += load(static_cast<const T*>(a.bias)[column + n]);
      static_cast<T*>(a.out)[(row + m) * a.width + column + n] = store<T>(sum);
    }
  }
}

// The weights lie in a near cache for all but the first rows.
template <typename T, int kColumns>
VEGA_INLINE void all_rows(const RowLinear& a, std::int64_t column) {
  std::int64_t row = 0;
  for (; row + 4 <= a.rows; row += 4) tile<T, 4, kColumns, false>(a, row, column);
  for (; row < a.rows; ++row) tile<T, 1, kColumns, false>(a, row, column);
}

template <typename T>
VEGA_INLINE void run(const RowLinear& a, std::int64_t first, std::int64_t last) {
  std::int64_t column = first;
  // Where the nearest cache does not hold x, three columns at a time read it a third as often.
  if (a.rows > 4 && a.rows * a.stride > kNearFloats) {
    for (; column + 3 <= last; column += 3) all_rows<T, 3>(a, column);
  }
  for (; column < last; ++column) {
    if (a.rows == 1) {
      tile<T, 1, 1, true>(a, 0, column);
    } else if (a.rows == 4) {
      tile<T, 4, 1, true>(a, 0, column);
    } else {
      all_rows<T, 1>(a, column);
    }
  }
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
