#include "base/dtype.h"

#include <array>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace vega {
namespace {

struct Row {
  DType type;
  std::string_view name;
  std::size_t size;
};

constexpr std::array kRows{
    Row{DType::kBool, "bool", 1}, Row{DType::kU8, "u8", 1},     Row{DType::kI8, "i8", 1},
    Row{DType::kI16, "i16", 2},   Row{DType::kU16, "u16", 2},   Row{DType::kI32, "i32", 4},
    Row{DType::kU32, "u32", 4},   Row{DType::kI64, "i64", 8},   Row{DType::kU64, "u64", 8},
    Row{DType::kF16, "f16", 2},   Row{DType::kBF16, "bf16", 2}, Row{DType::kF32, "f32", 4},
    Row{DType::kF64, "f64", 8},
};

const Row& row(DType type) { return kRows[static_cast<std::size_t>(type)]; }

template <typename T, typename Convert>
void widen(const TensorView& tensor, std::vector<float>& out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, tensor.data + i * sizeof(T), sizeof(T));
    out[i] = convert(value);
  }
}

}  // namespace

std::size_t size_of(DType type) { return row(type).size; }

std::string_view name_of(DType type) { return row(type).name; }

DType dtype_from_name(std::string_view name) {
  if (name == "fp32") return DType::kF32;
  if (name == "fp16") return DType::kF16;
  std::string known;
  for (const auto& r : kRows) {
    if (r.name == name) return r.type;
    known += (known.empty() ? "" : ", ") + std::string(r.name);
  }
  throw InputError(explain("element type", "'" + std::string(name) + "'", "one of " + known));
}

float f32_from_f16(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000U} << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fU;
  std::uint32_t mantissa = bits & 0x3ffU;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000U | (mantissa << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  if (mantissa == 0) return std::bit_cast<float>(sign);
  std::uint32_t e = 113;
  while ((mantissa & 0x400U) == 0) {
    mantissa <<= 1;
    --e;
  }
  return std::bit_cast<float>(sign | (e << 23) | ((mantissa & 0x3ffU) << 13));
}

std::uint16_t f16_from_f32(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);
  if (magnitude >= 0x477ff000U)
    return static_cast<std::uint16_t>(sign | 0x7c00U);  // rounds to infinity
  if (magnitude < 0x38800000U) {  // subnormal or zero: adding 0.5 aligns and rounds to even
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
  }
  const std::uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const auto extent : shape) {
    if (extent < 0 ||
        (extent > 0 && count > std::numeric_limits<std::int64_t>::max() / 16 / extent)) {
      throw InputError(
          explain("tensor shape", to_string(shape), "extents whose product fits memory"));
    }
    count *= extent;
  }
  return count;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::vector<float> to_f32(const TensorView& tensor) {
  std::vector<float> out(static_cast<std::size_t>(tensor.count()));
  switch (tensor.dtype) {
    case DType::kF32:
      if (!out.empty()) std::memcpy(out.data(), tensor.data, tensor.bytes());
      break;
    case DType::kBF16: widen<std::uint16_t>(tensor, out, f32_from_bf16); break;
    case DType::kF16: widen<std::uint16_t>(tensor, out, f32_from_f16); break;
    case DType::kF64:
      widen<double>(tensor, out, [](double v) { return static_cast<float>(v); });
      break;
    default:
      throw InputError(explain("tensor", std::string(name_of(tensor.dtype)),
                               "a floating type (f16, bf16, f32, f64)"));
  }
  return out;
}

}  // namespace vega
