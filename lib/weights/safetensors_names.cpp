#include "weights/safetensors_names.h"

#include <array>
#include <utility>

namespace vega {
namespace {

constexpr std::array<std::pair<std::string_view, DType>, 13> kNames{{
    {"F64", DType::kF64},
    {"F32", DType::kF32},
    {"F16", DType::kF16},
    {"BF16", DType::kBF16},
    {"I64", DType::kI64},
    {"U64", DType::kU64},
    {"I32", DType::kI32},
    {"U32", DType::kU32},
    {"I16", DType::kI16},
    {"U16", DType::kU16},
    {"I8", DType::kI8},
    {"U8", DType::kU8},
    {"BOOL", DType::kBool},
}};

}  // namespace

std::optional<DType> safetensors_dtype(std::string_view name) {
  for (const auto& [text, type] : kNames) {
    if (text == name) return type;
  }
  return std::nullopt;
}

std::string_view safetensors_dtype_name(DType type) {
  for (const auto& [text, known] : kNames) {
    if (known == type) return text;
  }
  return "";
}

std::string safetensors_dtype_names() {
  std::string all;
  for (const auto& entry : kNames) all += (all.empty() ? "" : ", ") + std::string(entry.first);
  return all;
}

}  // namespace vega
