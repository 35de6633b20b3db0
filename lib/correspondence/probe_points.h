// One picture of the Probe3D protocol: where its pixels with depth are, and the feature at each.
// Pixels here are those of the working picture (depth at a quarter of its size: 160 x 120);
// continuous coordinates start at its top-left corner, so that pixel (u, v) has its centre at
// (u + 0.5, v + 0.5).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "geometry/affine.h"
#include "geometry/pose.h"

namespace vega {

// Borrowed arrays. Features on any grid: the native one of the backbone, or the pooled one.
struct ProbeImage {
  std::int64_t height = 0, width = 0;
  std::span<const float> depth_m;  // (height, width); at most 0 or not a number: unknown
  Intrinsics K = {};               // of the working picture
  Pose world_from_cam = {};
  std::int64_t grid_h = 0, grid_w = 0, channels = 0;
  std::span<const float> features;  // (gh, gw, C)
  Affine cell_from_pixel = {};      // continuous pixel to cells
};

// Depth in millimetres to the working picture: rows and columns 0, 4, 8, ..., sizes rounded down.
std::vector<float> working_depth(std::span<const std::uint16_t> depth_mm, std::int64_t height,
                                 std::int64_t width);
// Rows 0 and 1 times 0.25.
Intrinsics working_intrinsics(const Intrinsics& K);

// cell_to_px: of a features file, to pixels of the colour frame. Colour frame and working picture
// show the same rectangle.
// Throws InputError: a size that is not positive, or a transform without inverse.
Affine cell_from_working(const Affine& cell_to_px, ImageSize color, std::int64_t height,
                         std::int64_t width);

struct ProbePoints {
  std::int64_t channels = 0, height = 0, width = 0;
  std::vector<std::int32_t> pixel;  // (n) row * width + column, ascending
  std::vector<double> camera;       // (n, 3) m, in the camera's axes
  std::vector<float> unit;          // (n, C)
  Intrinsics K = {};
  Pose world_from_cam = {};
  // Pixels with depth that were left out: outside the cells, or with features that are not finite.
  std::int64_t outside = 0, not_finite = 0;

  std::int64_t size() const { return static_cast<std::int64_t>(pixel.size()); }
};

// Every pixel with depth is a point: p = z K^-1 (u + 0.5, v + 0.5, 1). Its feature is the bilinear
// sample of the grid there, made a unit vector; within half a cell of the grid's border the border
// cells count (the reference's zero padding has the same direction). Points off the grid drop out.
// max_points  0: all. Else that many, chosen by Philox (seed; pixel), in pixel order.
// Throws InputError: sizes that disagree, intrinsics or a pose that is not finite.
// Source: mbanani/probe3d.
ProbePoints probe_points(const ProbeImage& image, std::int64_t max_points, std::uint64_t seed,
                         int threads = 1);

}  // namespace vega
