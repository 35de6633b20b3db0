#include "exchange/tokens.h"

#include <fmt/core.h>

#include <cmath>
#include <cstring>

#include "base/error.h"

namespace vega::exchange {
namespace {

constexpr std::int64_t kMostValues = std::int64_t{1} << 26;  // a frame: 256 MiB as f32

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

bool is_float(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32 ||
         dtype == DType::kF64;
}

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

void TokenStream::refuse(std::size_t element, float wide) const {
  const auto cells = static_cast<std::size_t>(grid_h_ * grid_w_);
  const auto c = static_cast<std::size_t>(channels_), w = static_cast<std::size_t>(grid_w_);
  const bool last = layout_ == Layout::kVhwc;
  const std::size_t cell = last ? element / c : element % cells;
  const std::string place =
      fmt::format("{}, frame {} (from 0), row {}, column {}, channel {}", where_, at_, cell / w,
                  cell % w, last ? element % c : element / cells);
  double value = static_cast<double>(wide);
  if (from_ == DType::kF64) std::memcpy(&value, raw_.data() + 8 * element, sizeof value);
  if (!std::isfinite(value))
    throw FormatError(explain(place, fmt::format("{}", value), "a finite number",
                              "look where these features were made: fp16 overflows at 65504"));
  throw FormatError(explain(place, fmt::format("{}", value),
                            fmt::format("a number that {} can hold", vega::name_of(store_)),
                            "pass --store-dtype bf16 or fp32"));
}

void TokenStream::convert() {
  const auto wide = to_f32({from_, {static_cast<std::int64_t>(count_)}, raw_.data()});
  for (std::size_t i = 0; i < count_; ++i) {
    float stored = wide[i];
    if (from_ != store_) {
      std::byte* to = converted_.data() + i * size_of(store_);
      if (store_ == DType::kF32) {
        std::memcpy(to, &stored, sizeof stored);
      } else {
        const bool brain = store_ == DType::kBF16;
        const std::uint16_t bits = brain ? bf16_from_f32(stored) : f16_from_f32(stored);
        std::memcpy(to, &bits, sizeof bits);
        stored = brain ? f32_from_bf16(bits) : f32_from_f16(bits);
      }
    }
    if (!std::isfinite(stored)) refuse(i, wide[i]);
  }
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
