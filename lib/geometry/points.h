// Depth maps to points in the world, on the pixels that the networks see.
// Metres, right-handed; pixel (u, v) = (column, row), (0, 0) is the centre of the top-left pixel.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/image_types.h"
#include "geometry/pose.h"

namespace vega {

// How coordinates are rounded on their way to patches and voxels.
//   kBf16  as released: the map is cast to bfloat16 before anything else (VEGA-3D, evaluation
//   scripts)
//   kF32   no rounding but that of float32; sums in double
enum class GeometryType { kBf16, kF32 };
inline constexpr Choice<GeometryType> kGeometryTypes[] = {{GeometryType::kBf16, "bf16"},
                                                          {GeometryType::kF32, "fp32"}};
std::string_view name_of(GeometryType type);                  // of the table
GeometryType geometry_type_from_name(std::string_view name);  // throws UsageError

// Pixels without depth.
//   kKeep  as released: they are points at the camera's centre, in every average and box test
//   kMask  they are left out; where nothing is left a value is NaN
enum class ZeroDepth { kKeep, kMask };
inline constexpr Choice<ZeroDepth> kZeroDepths[] = {
    {ZeroDepth::kKeep, "keep", "points at the camera's centre, as released"},
    {ZeroDepth::kMask, "mask", "left out"}};
std::string_view name_of(ZeroDepth zero);               // of the table
ZeroDepth zero_depth_from_name(std::string_view name);  // throws UsageError

// Which part of the depth map stands behind the 384x384 picture (VEGA-3D, video_utils.py).
enum class CoordinateView {
  kResize,     // the whole map squashed
  kCenterCrop  // resized to height 384, the middle 384 columns
};
inline constexpr int kCoordinateSide = 384;

// Pixels of a depth map: columns and rows, each ascending.
struct DepthPixels {
  std::vector<int> column, row;
};

// OpenCV's nearest neighbour: source index = floor(i * (1 / (dst / src))) in double, clipped.
std::vector<int> nearest_indices(int src, int dst);

// The pixels of a depth map that the map of `side` x `side` takes. kCenterCrop: width
// int(w * (side / h)), then the columns from floor((width - side) / 2). Throws InputError: an empty
// map; kCenterCrop of one that is higher than wide.
DepthPixels coordinate_grid(ImageSize depth, CoordinateView view, int side = kCoordinateSide);
DepthPixels every_pixel(ImageSize depth);

// Points of one frame, (height, width, 3) float32, and which of them have depth, (height, width).
struct PointMap {
  int width = 0, height = 0;
  std::vector<float> xyz;
  std::vector<std::uint8_t> valid;
};

// z = d / 1000, x = (u - cx) z / fx, y = (v - cy) z / fy, (X, Y, Z, W) = P (x, y, z, 1), divided by
// W: all in float32, the products of P as a chain of fused multiply-adds in ascending order (what
// torch.bmm does). P, from float64, is axis_align * world_from_cam. Only the pixels of the grid are
// computed. d = 0 gives the camera's centre, and valid 0.
// depth (H, W) mm. Throws InputError: a grid outside the map, P or K not finite, fx or fy 0.
// Source: VEGA-3D, video_utils.py, unproject.
PointMap unproject(const ImageU16& depth, const Intrinsics& K, const Pose& P,
                   const DepthPixels& grid);

}  // namespace vega
