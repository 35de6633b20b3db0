#include "weights/model_files.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "weights/detail.h"

namespace vega {
namespace fs = std::filesystem;
namespace detail = weights_detail;
namespace {

// Widens the values in blocks that stay in the first-level cache.
void hash_half(Hasher& hasher, const TensorView& tensor) {
  constexpr std::size_t kBlock = 4096;
  std::array<std::uint16_t, kBlock> narrow;
  std::array<float, kBlock> wide;
  const auto count = static_cast<std::size_t>(tensor.count());
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const auto size = std::min(kBlock, count - begin);
    std::memcpy(narrow.data(), tensor.data + 2 * begin, 2 * size);
    if (tensor.dtype == DType::kBF16) {
      for (std::size_t i = 0; i < size; ++i) wide[i] = f32_from_bf16(narrow[i]);
    } else {
      for (std::size_t i = 0; i < size; ++i) wide[i] = f32_from_f16(narrow[i]);
    }
    hasher.bytes(std::as_bytes(std::span(wide.data(), size)));
  }
}

// A value is finite when its exponent bits are not all ones. Whole blocks are tested without
// branches; only in a block that failed is the place searched for.
template <typename Bits>
std::optional<std::size_t> first_not_finite(const TensorView& tensor, Bits exponent) {
  constexpr std::size_t kBlock = 4096;
  std::array<Bits, kBlock> values;
  const auto count = static_cast<std::size_t>(tensor.count());
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const auto size = std::min(kBlock, count - begin);
    std::memcpy(values.data(), tensor.data + sizeof(Bits) * begin, sizeof(Bits) * size);
    Bits bad = 0;
    for (std::size_t i = 0; i < size; ++i)
      bad = static_cast<Bits>(bad | static_cast<Bits>((values[i] & exponent) == exponent));
    if (bad == 0) continue;
    for (std::size_t i = 0; i < size; ++i) {
      if ((values[i] & exponent) == exponent) return begin + i;
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> first_not_finite(const TensorView& tensor) {
  switch (tensor.dtype) {
    case DType::kF16: return first_not_finite<std::uint16_t>(tensor, 0x7c00);
    case DType::kBF16: return first_not_finite<std::uint16_t>(tensor, 0x7f80);
    case DType::kF32: return first_not_finite<std::uint32_t>(tensor, 0x7f800000U);
    case DType::kF64: return first_not_finite<std::uint64_t>(tensor, 0x7ff0000000000000ULL);
    default: return std::nullopt;
  }
}

std::string index_text(std::size_t flat, const Shape& shape) {
  Shape index(shape.size());
  for (std::size_t d = shape.size(); d-- > 0;) {
    index[d] = static_cast<std::int64_t>(flat) % shape[d];
    flat /= static_cast<std::size_t>(shape[d]);
  }
  return to_string(index);
}

}  // namespace

std::string fingerprint(const std::map<std::string, TensorView>& tensors) {
  Hasher hasher;
  hasher.field("vega.weights/1").number(static_cast<long long>(tensors.size()));
  for (const auto& [name, tensor] : tensors) {
    const bool half = tensor.dtype == DType::kF16 || tensor.dtype == DType::kBF16;
    hasher.field(name).field(half ? name_of(DType::kF32) : name_of(tensor.dtype));
    hasher.number(static_cast<long long>(tensor.shape.size()));
    for (const auto extent : tensor.shape) hasher.number(extent);
    if (half)
      hash_half(hasher, tensor);
    else
      hasher.bytes({tensor.data, tensor.bytes()});
  }
  return hasher.hex();
}

void check_finite(std::string_view name, const TensorView& tensor, const fs::path& file) {
  const auto bad = first_not_finite(tensor);
  if (!bad) return;
  TensorView one{tensor.dtype, {1}, tensor.data + *bad * size_of(tensor.dtype)};
  const float value = to_f32(one)[0];
  const auto where =
      file.empty() ? "tensor '" + detail::printable(name) + "'" : detail::where(file, name);
  detail::fail(where,
               std::string(std::isnan(value) ? "NaN" : "an infinite value") + " at index " +
                   index_text(*bad, tensor.shape),
               "finite weights", detail::kFetchAgain);
}

Json describe_tensors(const std::map<std::string, TensorView>& tensors) {
  std::int64_t values = 0;
  std::uint64_t bytes = 0;
  std::set<std::string> types;
  for (const auto& [name, view] : tensors) {
    values += view.count();
    bytes += view.bytes();
    types.emplace(name_of(view.dtype));
  }
  return {{"tensors", tensors.size()}, {"values", values}, {"bytes", bytes}, {"dtypes", types}};
}

}  // namespace vega
