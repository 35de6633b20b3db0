// Numbers of cells drawn over the picture that the cells were taken from.
#pragma once

#include <span>

#include "base/image_types.h"
#include "geometry/affine.h"
#include "geometry/grid.h"
#include "viz/colormap.h"
#include "viz/sheet.h"

namespace vega {

struct Overlay {
  Colormap map = Colormap::kTurbo;
  double low = 0, high = 1;  // values at the ends of the map; beyond: the end's colour
  double gamma = 1;          // of (value - low) / (high - low)
  double alpha = 0.55;       // weight of the colour
};

// Corners of the grid: cells reach half a step beyond their centres.
CoveredQuad covered_quad(const Affine& cell_to_px, Grid grid);

// Blends the colour of each cell into the pixels it covers; cells that are NaN are dimmed, pixels
// outside the grid stay. values (rows, columns). Throws InputError: another number of values, a
// transform without inverse.
void overlay_cells(ImageU8& picture, std::span<const float> values, Grid grid,
                   const Affine& cell_to_px, const Overlay& overlay);

}  // namespace vega
