// Where the cells of a feature grid are in the world, whatever the grid and the view.
#pragma once

#include <vector>

#include "geometry/affine.h"
#include "geometry/grid.h"
#include "geometry/points.h"

namespace vega {

struct CellPoints {
  std::vector<float> xyz;    // (rows, columns, 3) m: the mean of the cell's points
  std::vector<float> valid;  // (rows, columns): share of its pixels with depth
};

// The released rule, for view `native`: the depth map is covered and centre-cropped to `out` as the
// frames are, with torch's nearest neighbour (index = floor(i * float32(src / dst))), and averaged
// by adaptive pooling (windows floor(i n / g) .. ceil((i + 1) n / g), sums in double).
//   kKeep  pixels without depth count as points at the camera's centre, as released
//   kMask  only pixels with depth; NaN where there is none
// K, P as for unproject. Throws InputError as unproject; an empty grid.  Source: VEGA-3D,
// scripts/visualization.
CellPoints crop_cells(const ImageU16& depth, const Intrinsics& K, const Pose& P, ImageSize out,
                      Grid grid, ZeroDepth zero);

// Any view: a cell holds the depth pixels whose centres lie in its rectangle (half a cell around
// its centre; no pixel is in two cells). Depth and colour show the same rectangle: depth pixel x is
// colour pixel (x + 0.5) color.width / depth.width - 0.5. A cell without a pixel: valid 0, NaN.
// cell_to_px  to pixels of the colour frame.
// Throws InputError as unproject; an empty grid, a transform without inverse.
CellPoints cell_points(const ImageU16& depth, const Intrinsics& K, const Pose& P,
                       const Affine& cell_to_px, ImageSize color, Grid grid, ZeroDepth zero);

}  // namespace vega
