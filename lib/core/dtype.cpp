#include "core/dtype.h"

#include <array>
#include <utility>

#include "base/error.h"

namespace vega {
namespace {

constexpr std::array<std::pair<DType, at::ScalarType>, 13> kPairs{{
    {DType::kBool, at::kBool},
    {DType::kU8, at::kByte},
    {DType::kI8, at::kChar},
    {DType::kI16, at::kShort},
    {DType::kU16, at::kUInt16},
    {DType::kI32, at::kInt},
    {DType::kU32, at::kUInt32},
    {DType::kI64, at::kLong},
    {DType::kU64, at::kUInt64},
    {DType::kF16, at::kHalf},
    {DType::kBF16, at::kBFloat16},
    {DType::kF32, at::kFloat},
    {DType::kF64, at::kDouble},
}};

}  // namespace

at::ScalarType scalar_type(DType type) {
  return kPairs[static_cast<std::size_t>(type)].second;  // in the order of the enumeration
}

DType dtype_of(at::ScalarType type) {
  for (const auto& [ours, theirs] : kPairs) {
    if (theirs == type) return ours;
  }
  throw InputError(explain("element type", c10::toString(type), "a type that files know",
                           "convert to f32, bf16, f16, f64 or an integer type"));
}

}  // namespace vega
