#include "kernels/fp8_entry.h"
// Last: it sets the optimiser.
#include "kernels/cpu_math.h"

namespace vega::kernels::cpu {
namespace {

// The byte of the nearest value, ties to even; beyond the largest one that; of a NaN the NaN.
VEGA_INLINE std::uint8_t e4m3(float x) {
  constexpr std::uint32_t kMost = 0x43e00000U;         // 448
  constexpr std::uint32_t kLeastNormal = 0x3c800000U;  // 2^-6
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  const std::uint32_t cut = magnitude < kMost ? magnitude : kMost;
  const std::uint32_t normal = ((cut + 0x7ffffU + ((cut >> 20) & 1U)) >> 20) - (120U << 3);
  // Below the normal numbers the step is 2^-9: adding 2^14, whose last bit that is, rounds to it.
  const float small = __builtin_bit_cast(float, cut) + 16384.0F;
  const std::uint32_t subnormal = __builtin_bit_cast(std::uint32_t, small) & 0xffU;
  const std::uint32_t code = cut < kLeastNormal ? subnormal : normal;
  const std::uint32_t number = magnitude > 0x7f800000U ? 0x7fU : code;
  return static_cast<std::uint8_t>(number | ((bits >> 24) & 0x80U));
}

template <bool kGelu, typename T>
VEGA_INLINE void row(const T* __restrict x, std::uint8_t* __restrict values, float* scale,
                     std::int64_t width) {
  const auto value = [&](std::int64_t i) { return kGelu ? gelu_f32(load(x[i])) : load(x[i]); };
  float top = 0;
  for (std::int64_t i = 0; i < width; ++i) {
    const float v = value(i), magnitude = v < 0 ? -v : v;
    top = magnitude > top ? magnitude : top;  // a NaN is not greater
  }
  const bool zero = top < kFp8Least;
  const float factor = zero ? 1.0F : kFp8Most / top;
  *scale = zero ? 1.0F : top / kFp8Most;
  for (std::int64_t i = 0; i < width; ++i) values[i] = e4m3(value(i) * factor);
}

template <typename T>
VEGA_INLINE void rows(const Fp8RowsArgs& a) {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const T* x = static_cast<const T*>(a.x) + r * a.width;
    std::uint8_t* values = a.values + r * a.width;
    if (a.gelu)
      row<true>(x, values, a.scale + r, a.width);
    else
      row<false>(x, values, a.scale + r, a.width);
  }
}

VEGA_CLONES void rows_f32(const Fp8RowsArgs& a) { rows<float>(a); }
VEGA_CLONES void rows_bf16(const Fp8RowsArgs& a) { rows<std::uint16_t>(a); }

}  // namespace

void fp8_rows(Element element, const Fp8RowsArgs& args) {
  if (element == Element::kBF16)
    rows_bf16(args);
  else
    rows_f32(args);
}

}  // namespace vega::kernels::cpu
