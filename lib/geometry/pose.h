// Poses and intrinsics of cameras, boxes around objects. Metres, right-handed.
#pragma once

#include <array>

namespace vega {

using Pose = std::array<double, 16>;       // row-major 4x4, camera to world
using Intrinsics = std::array<double, 9>;  // row-major 3x3, pixels: fx 0 cx, 0 fy cy, 0 0 1
using Box = std::array<float, 6>;          // axis-aligned: cx cy cz dx dy dz, centre and extents

// a b in float64.
Pose multiply(const Pose& a, const Pose& b);

// Whether two poses agree within `tolerance` (m, and of a rotation's entries); entries that are not
// finite in one of them are not compared.
bool same_pose(const Pose& a, const Pose& b, double tolerance);

}  // namespace vega
