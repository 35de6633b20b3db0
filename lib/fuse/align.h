// Which pixels the cells of two streams look at, and generative features where semantic cells look.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace vega::fuse {

using Affine6 = std::array<double, 6>;  // row-major 2x3: (column, row, 1) to pixels of the frame

struct Grid {
  int rows = 0, columns = 0;
  int cells() const { return rows * columns; }
  friend bool operator==(const Grid&, const Grid&) = default;
};

// cell_to_px of a grid resized to another one over the same rectangle: centre j of n cells is at
// (j + 0.5) from/n - 0.5.
Affine6 resized_cells(const Affine6& cell_to_px, Grid from, Grid to);

// How the cells of `target` see the cells of `source`; one frame.
struct Alignment {
  // (target cells): 1 where the centre of the cell lies in the source's rectangle.
  std::vector<std::uint8_t> covered;
  // Share of the target's rectangle inside the source's. Both are of axis-aligned transforms.
  double area = 0;
  // (target cells, source cells), rows sum to 1: the mean of bilinear samples on a regular raster
  // over the part of the cell that the source covers, as fine as the source's cells; within half a
  // cell of its border the border cells count. Rows of cells that are not covered are 0. Where both
  // grids look at the same pixels this is the identity.
  std::vector<float> weights;
};

// Throws InputError: an empty grid, a transform without inverse.
Alignment align(const Affine6& target, Grid target_grid, const Affine6& source, Grid source_grid);

}  // namespace vega::fuse
