#include "exchange/layout.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace vega::exchange {
namespace {

// In square tiles, so that both sides stay in the cache.
template <typename T>
void transpose_as(const std::byte* from, std::size_t rows, std::size_t columns, std::byte* to) {
  constexpr std::size_t kTile = 32;
  for (std::size_t r0 = 0; r0 < rows; r0 += kTile) {
    for (std::size_t c0 = 0; c0 < columns; c0 += kTile) {
      for (std::size_t r = r0; r < std::min(rows, r0 + kTile); ++r) {
        for (std::size_t c = c0; c < std::min(columns, c0 + kTile); ++c)
          std::memcpy(to + (c * rows + r) * sizeof(T), from + (r * columns + c) * sizeof(T),
                      sizeof(T));
      }
    }
  }
}

}  // namespace

std::string_view name_of(Layout layout) { return name_in<Layout>(kLayouts, layout); }

Shape shape_of(Layout layout, std::int64_t frames, std::int64_t rows, std::int64_t columns,
               std::int64_t channels) {
  if (layout == Layout::kVhwc) return {frames, rows, columns, channels};
  return {frames, channels, rows, columns};
}

void transpose(std::span<const std::byte> from, std::size_t rows, std::size_t columns,
               std::size_t unit, std::span<std::byte> to) {
  if (from.size() != rows * columns * unit || to.size() != from.size())
    throw InputError(explain("transpose", std::to_string(from.size()) + " bytes",
                             std::to_string(rows * columns * unit)));
  switch (unit) {
    case 1: return transpose_as<std::uint8_t>(from.data(), rows, columns, to.data());
    case 2: return transpose_as<std::uint16_t>(from.data(), rows, columns, to.data());
    case 4: return transpose_as<std::uint32_t>(from.data(), rows, columns, to.data());
    default: return transpose_as<std::uint64_t>(from.data(), rows, columns, to.data());
  }
}

}  // namespace vega::exchange
