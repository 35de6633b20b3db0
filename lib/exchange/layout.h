// Order of the axes of exchanged tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/choice.h"
#include "base/dtype.h"

namespace vega::exchange {

enum class Layout {
  kVhwc,  // frames, rows, columns, channels: as vega stores them
  kVchw   // frames, channels, rows, columns: PyTorch's, and the release's
};

inline constexpr Choice<Layout> kLayouts[] = {
    {Layout::kVhwc, "vhwc", "frames, rows, columns, channels"},
    {Layout::kVchw, "vchw", "frames, channels, rows, columns (PyTorch)"}};

// The name in kLayouts.
std::string_view name_of(Layout layout);

Shape shape_of(Layout layout, std::int64_t frames, std::int64_t rows, std::int64_t columns,
               std::int64_t channels);

// (rows, columns) elements of `unit` bytes (1, 2, 4 or 8) to (columns, rows). Sizes must agree.
void transpose(std::span<const std::byte> from, std::size_t rows, std::size_t columns,
               std::size_t unit, std::span<std::byte> to);

}  // namespace vega::exchange
