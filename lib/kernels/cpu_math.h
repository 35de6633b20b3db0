// Loops that GCC turns into vector code, for the *_cpu.cpp files alone; include it last, since it
// sets the optimiser for the rest of the unit. Leaf functions carry VEGA_CLONES: the loader picks
// the widest vectors the processor has, so one generic binary runs everywhere. Sums go through
// fixed lanes, so a row's bits depend on nothing but the row.
#pragma once

#include <cstdint>

#include "kernels/entry.h"

// Nothing from a header above the pragma is inlined below it (hence __builtin_bit_cast).
// -O2 of GCC 12 vectorises almost nothing; errno and traps would keep sqrt and comparisons scalar.
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VEGA_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VEGA_CLONES
#endif
#define VEGA_INLINE [[gnu::always_inline]] inline

namespace vega::kernels::cpu {

inline constexpr int kLanes = 32;

// e^x within 1e-7 relative for x in [-87, 87], and that range's ends outside; a NaN gives either
// end. x = k ln 2 + r: e^r by a polynomial (a Chebyshev fit, 1.1e-8), 2^k through the exponent
// bits. The range is cut with integers: from float comparisons GCC makes branches, or divides by
// both outcomes.
VEGA_INLINE float exp_of_number(float x) {
  constexpr std::uint32_t kLimit = 0x42ae0000U;  // 87
  const auto raw = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t magnitude = raw & 0x7fffffffU;
  const std::uint32_t cut = magnitude < kLimit ? magnitude : kLimit;
  x = __builtin_bit_cast(float, cut | (raw & 0x80000000U));
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = x * 1.44269504F + kRound;
  const float k = shifted - kRound;
  const float r = (x - k * 0.693359375F) + k * 2.12194440e-4F;  // ln 2 in two parts
  float p = 0.00139269268F;
  p = p * r + 0.00836377405F;
  p = p * r + 0.0416665487F;
  p = p * r + 0.166665733F;
  p = p * r + 0.5F;
  p = (p * r) * r + r + 1.0F;
  const auto bits = __builtin_bit_cast(std::uint32_t, shifted) + 127U;
  return p * __builtin_bit_cast(float, bits << 23);
}

// The same for finite x; NaN (and infinities) give NaN.
VEGA_INLINE float exp_f32(float x) { return exp_of_number(x) + (x - x); }

// A NaN stays one through the numerator. No result is subnormal, which would be slow.
VEGA_INLINE float silu_f32(float x) { return x / (1.0F + exp_of_number(-x)); }

// x/2 (1 + tanh u) = x / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3).
VEGA_INLINE float gelu_f32(float x) {
  return x / (1.0F + exp_of_number(x * (-1.595769122F - 0.0713548163F * (x * x))));
}

VEGA_INLINE float widen(std::uint16_t bits) {
  return __builtin_bit_cast(float, std::uint32_t{bits} << 16);
}
// To nearest, ties to even; NaN stays a quiet NaN.
VEGA_INLINE std::uint16_t narrow(float value) {
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  const std::uint32_t quiet = (bits >> 16) | 0x40U;
  return static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? quiet : rounded);
}

template <typename T>
VEGA_INLINE float load(T value) {
  if constexpr (sizeof(T) == 2) {
    return widen(value);
  } else {
    return value;
  }
}
template <typename T>
VEGA_INLINE T store(float value) {
  if constexpr (sizeof(T) == 2) {
    return narrow(value);
  } else {
    return value;
  }
}

// Sum of f(i) over [0, n): element i goes to lane i mod 32, then the lanes fold in halves.
template <typename F>
VEGA_INLINE float sum_lanes(std::int64_t n, F f) {
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) lanes[l] += f(i + l);
  }
  for (int l = 0; i < n; ++i, ++l) lanes[l] += f(i);
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

// The element type of a void pointer, picked at run time: with_type(e, [](auto zero) { using T =
// ... }).
template <typename Body>
void with_type(Element element, Body body) {
  if (element == Element::kBF16) {
    body(std::uint16_t{});
  } else {
    body(float{});
  }
}

}  // namespace vega::kernels::cpu
