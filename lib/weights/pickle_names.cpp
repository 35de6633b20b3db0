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

constexpr Known unread_storage(std::string_view name, std::string_view type, std::size_t unit) {
  return {kTorch, name, Role::kStorage, {}, type, unit};
}
constexpr Known unread_dtype(std::string_view name) {
  return {kTorch, name, Role::kDType, {}, name};
}
constexpr Known unread_tensor(std::string_view name, std::string_view kind) {
  return {kUtils, name, Role::kUnreadTensor, {}, kind};
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
    unread_storage("ComplexFloatStorage", "complex64", 8),
    unread_storage("ComplexDoubleStorage", "complex128", 16),
    unread_storage("QInt8Storage", "qint8", 1), unread_storage("QUInt8Storage", "quint8", 1),
    unread_storage("QInt32Storage", "qint32", 4),
    unread_storage("QUInt4x2Storage", "quint4x2", 1),
    unread_storage("QUInt2x4Storage", "quint2x4", 1),
    unread_dtype("complex32"), unread_dtype("complex64"), unread_dtype("complex128"),
    unread_dtype("float8_e4m3fn"), unread_dtype("float8_e5m2"), unread_dtype("float8_e4m3fnuz"),
    unread_dtype("float8_e5m2fnuz"), unread_dtype("float8_e8m0fnu"),
    unread_dtype("float4_e2m1fn_x2"),
    unread_dtype("qint8"), unread_dtype("quint8"), unread_dtype("qint32"),
    unread_dtype("quint4x2"), unread_dtype("quint2x4"),
    unread_dtype("int1"), unread_dtype("int2"), unread_dtype("int3"), unread_dtype("int4"),
    unread_dtype("int5"), unread_dtype("int6"), unread_dtype("int7"),
    unread_dtype("uint1"), unread_dtype("uint2"), unread_dtype("uint3"), unread_dtype("uint4"),
    unread_dtype("uint5"), unread_dtype("uint6"), unread_dtype("uint7"),
    unread_tensor("_rebuild_qtensor", "a quantised tensor"),
    unread_tensor("_rebuild_sparse_tensor", "a sparse tensor"),
    unread_tensor("_rebuild_sparse_csr_tensor", "a sparse tensor"),
    unread_tensor("_rebuild_nested_tensor", "a nested tensor"),
    unread_tensor("_rebuild_meta_tensor_no_storage", "a tensor without values (meta)"),
    Known{kTorch, "per_tensor_affine", Role::kWord, {}},
    Known{kTorch, "per_channel_affine", Role::kWord, {}},
    Known{kTorch, "per_channel_affine_float_qparams", Role::kWord, {}},
    Known{"torch.serialization", "_get_layout", Role::kWord, {}},
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
