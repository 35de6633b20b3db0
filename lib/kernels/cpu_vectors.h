// Vectors of half the lanes as values, where loops over arrays would not stay in registers. The
// compiler makes of one what the processor has: one register, two or four. For the *_cpu.cpp files,
// after cpu_math.h.
#pragma once

#include <cstdint>

#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {

inline constexpr std::int64_t kHalf = kLanes / 2;
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
VEGA_INLINE void store_lanes(const Floats& from, float* to) {
  *reinterpret_cast<LooseFloats*>(to) = from;
}

// The sum of all lanes, in halves.
VEGA_INLINE float fold(const Floats& values) {
  float lanes[kHalf];
  store_lanes(values, lanes);
  for (int half = kHalf / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

// Neighbours' sums: those of a, then those of b.
VEGA_INLINE void pair_sums(const Floats& a, const Floats& b, Floats& out) {
  out = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
        __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

// Lane t of the result in rows[0]: the sum of the lanes of rows[t]. Changes all rows.
VEGA_INLINE void sum_rows(Floats (&rows)[kHalf]) {
  for (int count = kHalf / 2; count > 0; count /= 2) {
    for (int n = 0; n < count; ++n) pair_sums(rows[2 * n], rows[2 * n + 1], rows[n]);
  }
}

}  // namespace vega::kernels::cpu
