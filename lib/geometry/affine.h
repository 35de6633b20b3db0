// Affine maps of the plane: from cells of a grid to pixels of a picture, and back.
// Cells (column, row) and pixels (x, y) are named by the whole numbers of their centres; (0, 0) is
// the one at the top left.
#pragma once

#include <array>
#include <string_view>

#include "base/image_types.h"
#include "geometry/grid.h"

namespace vega {

struct Point2 {
  double x = 0, y = 0;
};

// Row-major 2x3: (x, y) goes to (m0 x + m1 y + m2, m3 x + m4 y + m5). A file's cell_to_px is one.
using Affine = std::array<double, 6>;

inline Point2 apply(const Affine& m, double x, double y) {
  return {m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]};
}

// `first`, then `second`.
Affine compose(const Affine& second, const Affine& first);

// The one rule of which maps have an inverse: all six numbers are finite, and the unit square goes
// to an area (|m0 m4 - m1 m3|) of at least 1e-12, which for cell_to_px is a cell of a millionth of
// a pixel each way.
bool has_inverse(const Affine& m);

// Linear part (m4, -m1, -m3, m0) / determinant. Throws InputError, naming `what`, where there is
// no inverse.
Affine inverse(const Affine& m, std::string_view what);

// cell_to_px of a grid `from` for a grid `to` over the same rectangle: centre j of n cells is at
// (j + 0.5) from/n - 0.5.
Affine rescale_cells(const Affine& cell_to_px, Grid from, Grid to);

// cell_to_px of a picture for a copy of the picture of another size. Throws InputError where the
// picture's size is not known.
Affine rescale_pixels(const Affine& cell_to_px, ImageSize picture, ImageSize copy);

}  // namespace vega
