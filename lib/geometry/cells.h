// Where the cells of a feature grid are in the world, whatever the grid and the view.
#pragma once

#include <array>
#include <vector>

#include "geometry/points.h"

namespace vega {

struct CellPoints {
  int grid_h = 0, grid_w = 0;
  std::vector<float> xyz;    // (grid_h, grid_w, 3) m: the mean of the cell's points
  std::vector<float> valid;  // (grid_h, grid_w): share of its pixels with depth
};

// The released rule, for view `native`: the depth map is covered and centre-cropped to `out` as the
// frames are, with torch's nearest neighbour (index = floor(i * float32(src / dst))), and averaged
// by adaptive pooling (windows floor(i n / g) .. ceil((i + 1) n / g), sums in double).
//   kKeep  pixels without depth count as points at the camera's centre, as released
//   kMask  only pixels with depth; NaN where there is none
// K, P as for unproject. Throws InputError as unproject; an empty grid.  Source: correspondence 2.
CellPoints crop_cells(const ImageU16& depth, const Intrinsics& K, const Pose& P, ImageSize out,
                      int grid_w, int grid_h, ZeroDepth zero);

// Any view: a cell holds the depth pixels whose centres lie in its rectangle (half a cell around
// its centre; no pixel is in two cells). Depth and colour show the same rectangle: depth pixel x is
// colour pixel (x + 0.5) color.width / depth.width - 0.5. A cell without a pixel: valid 0, NaN.
// cell_to_px  row-major 2x3: (column, row, 1) to pixels of the colour frame (vega.features/1).
// Throws InputError as unproject; an empty grid, a transform without inverse.
CellPoints cell_points(const ImageU16& depth, const Intrinsics& K, const Pose& P,
                       const std::array<double, 6>& cell_to_px, ImageSize color, int grid_w,
                       int grid_h, ZeroDepth zero);

}  // namespace vega
