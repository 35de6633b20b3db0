// Element types of tensors in files, and plain views on them. No LibTorch here: readers, writers
// and tests stay light.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"

namespace vega {

enum class DType : std::uint8_t {
  kBool,
  kU8,
  kI8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kF16,
  kBF16,
  kF32,
  kF64
};

// Bytes of one element.
std::size_t size_of(DType type);

// "f32", "bf16", "i64", ... (the names of docs/formats.md).
std::string_view name_of(DType type);

// Inverse of name_of; throws InputError naming the accepted ones.
DType dtype_from_name(std::string_view name);

// Floating types as options name them, and those that networks compute in.
inline constexpr Choice<DType> kFloatTypes[] = {{DType::kBF16, "bf16"},
                                                {DType::kF16, "fp16"},
                                                {DType::kF32, "fp32"},
                                                {DType::kF16, "f16", {}, true},
                                                {DType::kF32, "f32", {}, true}};
inline constexpr Choice<DType> kComputeTypes[] = {{DType::kF32, "fp32"}, {DType::kBF16, "bf16"}};

// Widening and rounding (round to nearest, ties to even; NaN stays NaN).
inline float f32_from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}
inline std::uint16_t bf16_from_f32(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}
float f32_from_f16(std::uint16_t bits);
std::uint16_t f16_from_f32(float value);

using Shape = std::vector<std::int64_t>;

// Product of the extents; 1 for a scalar. Throws InputError on a negative extent or when it does
// not fit 63 bits.
std::int64_t element_count(const Shape& shape);

// "[2, 14, 14, 1536]".
std::string to_string(const Shape& shape);

// A tensor in somebody else's memory: C order, contiguous. `data` may be unaligned (mapped files).
struct TensorView {
  DType dtype = DType::kF32;
  Shape shape;
  const std::byte* data = nullptr;

  std::int64_t count() const { return element_count(shape); }
  std::size_t bytes() const { return static_cast<std::size_t>(count()) * size_of(dtype); }
};

// All elements widened to f32 (floating types only; throws InputError otherwise).
std::vector<float> to_f32(const TensorView& tensor);

}  // namespace vega
