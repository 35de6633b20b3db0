// Grids of cells over a picture: tokens, patches, features.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace vega {

struct Grid {
  std::int64_t rows = 0, columns = 0;
  std::int64_t cells() const { return rows * columns; }
  bool empty() const { return rows < 1 || columns < 1; }
  // Row-major number of the cell that holds a place, cells reaching half a step around their
  // centres; -1 outside the grid, and of NaN.
  std::ptrdiff_t cell_at(double column, double row) const {
    const double c = std::floor(column + 0.5), r = std::floor(row + 0.5);
    const bool inside =
        c >= 0 && c < static_cast<double>(columns) && r >= 0 && r < static_cast<double>(rows);
    return inside ? static_cast<std::ptrdiff_t>(r) * columns + static_cast<std::ptrdiff_t>(c) : -1;
  }
  friend bool operator==(const Grid&, const Grid&) = default;
};

}  // namespace vega
