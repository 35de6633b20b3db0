// Numbers of cells drawn over the picture that the cells were taken from.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "media/image.h"
#include "viz/colormap.h"
#include "viz/sheet.h"

namespace vega {

struct Overlay {
  Colormap map = Colormap::kTurbo;
  double low = 0, high = 1;  // values at the ends of the map; beyond: the end's colour
  double gamma = 1;          // of (value - low) / (high - low)
  double alpha = 0.55;       // weight of the colour
};

// A transform from (column, row, 1), integer cell centres, to pixels of `frame`, for a copy of the
// frame of another size.
std::array<double, 6> scaled(const std::array<double, 6>& cell_to_px, ImageSize frame,
                             ImageSize copy);

// Corners of the grid: cells reach half a step beyond their centres.
CoveredQuad covered_quad(const std::array<double, 6>& cell_to_px, int grid_w, int grid_h);

// Blends the colour of each cell into the pixels it covers; cells that are NaN are dimmed, pixels
// outside the grid stay. values (grid_h, grid_w). Throws InputError: another number of values, a
// transform without inverse.
void overlay_cells(ImageU8& picture, std::span<const float> values, int grid_w, int grid_h,
                   const std::array<double, 6>& cell_to_px, const Overlay& overlay);

// The `share` quantile (0..1, linear interpolation) of the finite values; NaN without one.
double quantile(std::span<const float> values, double share);

}  // namespace vega
