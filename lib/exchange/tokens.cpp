#include "exchange/tokens.h"

#include <fmt/core.h>

#include <cmath>
#include <cstring>

#include "base/error.h"

namespace vega::exchange {
namespace {

constexpr std::int64_t kMostValues = std::int64_t{1} << 26;  // a frame: 256 MiB as f32

bool is_float(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32 ||
         dtype == DType::kF64;
}

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

double value_at(const std::byte* raw, DType dtype, std::size_t i) {
  switch (dtype) {
    case DType::kF16: return static_cast<double>(f32_from_f16(load<std::uint16_t>(raw + 2 * i)));
    case DType::kBF16: return static_cast<double>(f32_from_bf16(load<std::uint16_t>(raw + 2 * i)));
    case DType::kF32: return static_cast<double>(load<float>(raw + 4 * i));
    default: return load<double>(raw + 8 * i);
  }
}

// Whether every value is finite, by the exponent bits; `count` values.
template <typename T>
std::size_t first_special(const std::byte* raw, std::size_t count, T exponent) {
  for (std::size_t i = 0; i < count; ++i) {
    if ((load<T>(raw + sizeof(T) * i) & exponent) == exponent) return i;
  }
  return count;
}

std::size_t first_special(const std::byte* raw, DType dtype, std::size_t count) {
  switch (dtype) {
    case DType::kF16: return first_special<std::uint16_t>(raw, count, 0x7c00);
    case DType::kBF16: return first_special<std::uint16_t>(raw, count, 0x7f80);
    case DType::kF32: return first_special<std::uint32_t>(raw, count, 0x7f800000);
    default: return first_special<std::uint64_t>(raw, count, 0x7ff0000000000000);
  }
}

void require_tokens(const Foreign& file, const Foreign::Entry& entry, Layout layout) {
  if (!entry.problem.empty()) throw FormatError(entry.problem);
  const auto where = file.where(entry);
  const std::string axes = layout == Layout::kVhwc ? "[frames, rows, columns, channels]"
                                                   : "[frames, channels, rows, columns]";
  if (!is_float(entry.dtype))
    throw FormatError(explain(where, "element type " + std::string(vega::name_of(entry.dtype)),
                              "f16, bf16, f32 or f64", "convert it: .astype('float32'), .float()"));
  if (entry.shape.size() != 4)
    throw FormatError(explain(where, "shape " + to_string(entry.shape), axes,
                              "reshape it before saving: tokens in rows become (rows, columns)"));
  for (const auto extent : entry.shape) {
    if (extent < 1)
      throw FormatError(explain(where, "shape " + to_string(entry.shape), axes + ", none empty"));
  }
  if (element_count({entry.shape[1], entry.shape[2], entry.shape[3]}) > kMostValues)
    throw FormatError(explain(where, "shape " + to_string(entry.shape),
                              "at most 67108864 values a frame", "check --layout"));
}

}  // namespace

TokenStream::TokenStream(const Foreign& file, const Foreign::Entry& entry, Layout layout,
                         DType store)
    : where_(file.where(entry)), layout_(layout), from_(entry.dtype), store_(store) {
  require_tokens(file, entry, layout);
  const bool last = layout == Layout::kVhwc;
  frames_ = entry.shape[0];
  channels_ = entry.shape[last ? 3 : 1];
  grid_h_ = entry.shape[last ? 1 : 2];
  grid_w_ = entry.shape[last ? 2 : 3];
  count_ = static_cast<std::size_t>(grid_h_ * grid_w_ * channels_);
  stream_ = file.open(entry);
  raw_.resize(count_ * size_of(from_));
  if (from_ != store_) converted_.resize(count_ * size_of(store_));
  if (!last) turned_.resize(count_ * size_of(store_));
}

void TokenStream::rewind() {
  stream_->rewind();
  at_ = 0;
}

void TokenStream::refuse(std::size_t element, double value, bool stored) const {
  const auto cells = static_cast<std::size_t>(grid_h_ * grid_w_);
  const auto c = static_cast<std::size_t>(channels_), w = static_cast<std::size_t>(grid_w_);
  const bool last = layout_ == Layout::kVhwc;
  const std::size_t cell = last ? element / c : element % cells;
  const std::string place =
      fmt::format("{}, frame {} (from 0), row {}, column {}, channel {}", where_, at_, cell / w,
                  cell % w, last ? element % c : element / cells);
  if (!stored)
    throw FormatError(explain(place, fmt::format("{}", value), "a finite number",
                              "look where these features were made: fp16 overflows at 65504"));
  throw FormatError(explain(place, fmt::format("{}", value),
                            fmt::format("a number that {} can hold", vega::name_of(store_)),
                            "pass --store-dtype bf16 or fp32"));
}

void TokenStream::convert() {
  if (const auto bad = first_special(raw_.data(), from_, count_); bad < count_)
    refuse(bad, value_at(raw_.data(), from_, bad), false);
  if (from_ == store_) return;
  for (std::size_t i = 0; i < count_; ++i) {
    const auto value = static_cast<float>(value_at(raw_.data(), from_, i));
    std::byte* to = converted_.data() + i * size_of(store_);
    if (store_ == DType::kF32) {
      std::memcpy(to, &value, sizeof value);
      continue;
    }
    const std::uint16_t bits = store_ == DType::kBF16 ? bf16_from_f32(value) : f16_from_f32(value);
    std::memcpy(to, &bits, sizeof bits);
  }
  if (const auto bad = first_special(converted_.data(), store_, count_); bad < count_)
    refuse(bad, value_at(raw_.data(), from_, bad), true);
}

std::span<const std::byte> TokenStream::next() {
  stream_->read(raw_);
  convert();
  ++at_;
  const auto& values = from_ == store_ ? raw_ : converted_;
  if (layout_ == Layout::kVhwc) return values;
  transpose(values, static_cast<std::size_t>(channels_),
            static_cast<std::size_t>(grid_h_ * grid_w_), size_of(store_), turned_);
  return turned_;
}

}  // namespace vega::exchange
