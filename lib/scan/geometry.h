// Points, poses and boxes of a scan. Metres, right-handed, z up.
#pragma once

#include <array>
#include <span>
#include <vector>

namespace vega::scan {

using Point3f = std::array<float, 3>;    // x y z
using Point3d = std::array<double, 3>;   // x y z
using Matrix4 = std::array<double, 16>;  // row-major 4x4
using Box = std::array<double, 6>;       // cx cy cz dx dy dz: centre and full extents, axis-aligned

inline constexpr Matrix4 kIdentity4{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};

// The points in the aligned frame, float64: each row ((m0 x + m1 y) + m2 z) + m3, divided by the
// fourth row where that is not 1. `axis_align`: aligned_from_scan.
std::vector<Point3d> align_points(std::span<const Point3f> points, const Matrix4& axis_align);

// The same rounded to float32: `xyz` of the release's point clouds, of which all boxes are made.
// Source: Video-3D-LLM, extract_scannet_pcd.py.
std::vector<Point3f> align_points_f32(std::span<const Point3f> points, const Matrix4& axis_align);

}  // namespace vega::scan
