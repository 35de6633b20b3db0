#include "weights/pickle_names.h"

#include <array>

namespace vega::pickle {
namespace {

constexpr std::string_view kTorch = "torch", kUtils = "torch._utils", kStore = "torch.storage";

constexpr Known storage(std::string_view name, DType type) {
  return {kTorch, name, Role::kStorage, type};
}
constexpr Known dtype(std::string_view name, DType type) {
  return {kTorch, name, Role::kDType, type};
}

// clang-format off
constexpr std::array kKnown{
    Known{"collections", "OrderedDict", Role::kOrderedDict, {}},
    Known{kTorch, "Size", Role::kSize, {}},
    Known{"builtins", "set", Role::kSet, {}},
    Known{"__builtin__", "set", Role::kSet, {}},
    Known{"builtins", "frozenset", Role::kSet, {}},
    Known{"__builtin__", "frozenset", Role::kSet, {}},
    Known{kUtils, "_rebuild_tensor", Role::kRebuildTensor, {}},
    Known{kUtils, "_rebuild_tensor_v2", Role::kRebuildTensor, {}},
    Known{kUtils, "_rebuild_tensor_v3", Role::kRebuildTensorV3, {}},
    Known{kUtils, "_rebuild_parameter", Role::kRebuildParameter, {}},
    Known{kStore, "UntypedStorage", Role::kStorage, {}},
    Known{kTorch, "UntypedStorage", Role::kStorage, {}},
    storage("DoubleStorage", DType::kF64), storage("FloatStorage", DType::kF32),
    storage("HalfStorage", DType::kF16), storage("BFloat16Storage", DType::kBF16),
    storage("LongStorage", DType::kI64), storage("IntStorage", DType::kI32),
    storage("ShortStorage", DType::kI16), storage("CharStorage", DType::kI8),
    storage("ByteStorage", DType::kU8), storage("BoolStorage", DType::kBool),
    dtype("float64", DType::kF64), dtype("double", DType::kF64),
    dtype("float32", DType::kF32), dtype("float", DType::kF32),
    dtype("float16", DType::kF16), dtype("half", DType::kF16),
    dtype("bfloat16", DType::kBF16), dtype("bool", DType::kBool),
    dtype("int64", DType::kI64), dtype("long", DType::kI64),
    dtype("int32", DType::kI32), dtype("int", DType::kI32),
    dtype("int16", DType::kI16), dtype("short", DType::kI16),
    dtype("int8", DType::kI8), dtype("uint8", DType::kU8),
    dtype("uint16", DType::kU16), dtype("uint32", DType::kU32), dtype("uint64", DType::kU64),
};
// clang-format on

}  // namespace

const Known* find_known(std::string_view module, std::string_view name) {
  for (const auto& known : kKnown) {
    if (known.module == module && known.name == name) return &known;
  }
  return nullptr;
}

}  // namespace vega::pickle
