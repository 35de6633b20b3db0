// What the cells of a frame show, from its depth map and the annotated boxes: the truth that a
// probe asks features for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "geometry/affine.h"
#include "geometry/grid.h"
#include "geometry/pose.h"

namespace vega {

// An annotated object. name: the number of its class's name, in a list of the caller's.
struct LabelledBox {
  Box box{};  // m, of the poses' world
  std::int32_t name = -1;
};

// The smallest volume first; of equal ones the first stays first.
std::vector<LabelledBox> smallest_first(std::vector<LabelledBox> boxes);

struct CellRule {
  double least_depth = 0.5;  // a cell with a smaller share of pixels with depth is left out
  double margin_m = 0.02;    // boxes are larger by so much on all sides: sensors and meshes differ
  double least_share = 0.5;  // of the pixels with depth: less of one class is no label
  double thickest = 0.2;     // FittedPlane::thickness from which on a cell has no normal
  int pixels = 256;          // of large depth maps every k-th row and column is read: as many as
                             // leave a cell so many pixels
};

// One frame, cells in row-major order. A cell that is left out has NaN, NaN, 0 0 0 and -1.
struct CellTargets {
  std::vector<float> depth_m;  // mean z of the camera frame
  std::vector<float> z_m;      // mean z of the world
  std::vector<float> normal;   // (cells, 3), camera frame (x right, y down, z forward), towards
                               // the camera; 0 0 0: the cell is no plane
  std::vector<std::int32_t> label;  // number of a name; -1: none
};

// A cell holds the depth pixels whose centres lie in its rectangle, as geometry/cells.h says. A
// pixel belongs to the smallest box that holds it; the cell's label is the class with most of its
// pixels.
// cell_to_px: to pixels of the colour frame. boxes: smallest_first.
// Throws InputError as unproject; an empty grid, a colour frame of unknown size, a transform
// without inverse.
CellTargets cell_targets(const ImageU16& depth, const Intrinsics& K, const Pose& world_from_cam,
                         const Affine& cell_to_px, ImageSize color, Grid grid,
                         std::span<const LabelledBox> boxes, const CellRule& rule = {});

// Where the floor of a scene is, world frame.
struct FloorLevel {
  double z_m = 0;
  bool annotated = false;
};

// Over all cells of a scene, those that are left out aside: the median of z_m of the cells labelled
// `floor`; where these are less than 10 (or `floor` is -1), the 1 % quantile of all.
// Throws InputError: no cell.
FloorLevel floor_level(std::span<const float> z_m, std::span<const std::int32_t> label,
                       std::int32_t floor);

}  // namespace vega
