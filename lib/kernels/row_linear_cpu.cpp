#include "kernels/cpu_math.h"
#include "kernels/decoder_entry.h"

namespace vega::kernels::cpu {
namespace {

// A vector of half the lanes; the compiler makes of it what the processor has.
constexpr std::int64_t kHalf = kLanes / 2;
using Floats = float __attribute__((vector_size(4 * kHalf)));
using Words = std::uint32_t __attribute__((vector_size(4 * kHalf)));
using LooseFloats = float __attribute__((vector_size(4 * kHalf), aligned(4), may_alias));
using LooseHalves = std::uint16_t __attribute__((vector_size(2 * kHalf), aligned(2), may_alias));

VEGA_INLINE void load_lanes(const float* from, Floats& to) {
  to = *reinterpret_cast<const LooseFloats*>(from);
}
VEGA_INLINE void load_lanes(const std::uint16_t* from, Floats& to) {
  const LooseHalves halves = *reinterpret_cast<const LooseHalves*>(from);
  to = (Floats)(__builtin_convertvector(halves, Words) << 16);
}

VEGA_INLINE float fold(const Floats& low, const Floats& high) {
  float lanes[kHalf];
  for (int l = 0; l < kHalf; ++l) lanes[l] = low[l] + high[l];
  for (int half = kHalf / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

// kRows rows of x with kColumns rows of the weight. Element i of each product goes to lane i mod
// 32, whatever kRows and kColumns are.
template <typename T, int kRows, int kColumns>
VEGA_INLINE void tile(const RowLinear& a, std::int64_t row, std::int64_t column) {
  Floats low[kRows][kColumns] = {}, high[kRows][kColumns] = {};
  const float* x = a.x + row * a.in;
  const T* weight = static_cast<const T*>(a.weight) + column * a.in;
  const auto step = [&](const float* const* from_x, const T* const* from_w) {
    Floats xs[kRows][2];
    for (int m = 0; m < kRows; ++m) {
      load_lanes(from_x[m], xs[m][0]);
      load_lanes(from_x[m] + kHalf, xs[m][1]);
    }
    for (int n = 0; n < kColumns; ++n) {
      Floats w0, w1;
      load_lanes(from_w[n], w0);
      load_lanes(from_w[n] + kHalf, w1);
      for (int m = 0; m < kRows; ++m) {
        low[m][n] += xs[m][0] * w0;
        high[m][n] += xs[m][1] * w1;
      }
    }
  };
  const float* xs[kRows];
  const T* ws[kColumns];
  for (int m = 0; m < kRows; ++m) xs[m] = x + m * a.in;
  for (int n = 0; n < kColumns; ++n) ws[n] = weight + n * a.in;
  std::int64_t i = 0;
  for (; i + kLanes <= a.in; i += kLanes) {
    step(xs, ws);
    for (int m = 0; m < kRows; ++m) xs[m] += kLanes;
    for (int n = 0; n < kColumns; ++n) ws[n] += kLanes;
  }
  if (i < a.in) {  // the rest, filled up with zeros
    float x_rest[kRows][kLanes] = {};
    T w_rest[kColumns][kLanes] = {};
    for (std::int64_t l = 0; i + l < a.in; ++l) {
      for (int m = 0; m < kRows; ++m) x_rest[m][l] = xs[m][l];
      for (int n = 0; n < kColumns; ++n) w_rest[n][l] = ws[n][l];
    }
    for (int m = 0; m < kRows; ++m) xs[m] = x_rest[m];
    for (int n = 0; n < kColumns; ++n) ws[n] = w_rest[n];
    step(xs, ws);
  }
  for (int m = 0; m < kRows; ++m) {
    T* out = static_cast<T*>(a.out) + (row + m) * a.width + column;
    for (int n = 0; n < kColumns; ++n) {
      float sum = fold(low[m][n], high[m][n]);
      if (a.bias != nullptr) sum += load(static_cast<const T*>(a.bias)[column + n]);
      out[n] = store<T>(sum);
    }
  }
}

// The weights of the columns lie in a near cache for all but the first rows.
template <typename T, int kColumns>
VEGA_INLINE void all_rows(const RowLinear& a, std::int64_t column) {
  std::int64_t row = 0;
  for (; row + 4 <= a.rows; row += 4) tile<T, 4, kColumns>(a, row, column);
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

void row_linear(Element element, const RowLinear& args, std::int64_t first, std::int64_t last) {
  element == Element::kBF16 ? columns_bf16(args, first, last) : columns_f32(args, first, last);
}

}  // namespace vega::kernels::cpu
