// Boxes that are turned: nine numbers, as EmbodiedScan and the spatial-reasoning release of VEGA-3D
// write them. Metres, radians, right-handed.
#pragma once

#include <array>

#include "geometry/pose.h"
#include "geometry/transform.h"

namespace vega {

// Centre, full extents (x, y, z), then the angles a, b, c of the rotation Rz(a) Rx(b) Ry(c) about
// the axes of the box as they turn ("ZXY" of SciPy and PyTorch3D).
using OrientedBox = std::array<double, 9>;

using Rotation = std::array<double, 9>;  // row-major 3x3

// Rz(a) Rx(b) Ry(c).
Rotation rotation_zxy(const std::array<double, 3>& angles);

// Angles of which rotation_zxy makes this rotation: b within +-pi/2, the others within +-pi; where
// b is a right angle, c is 0.
std::array<double, 3> angles_zxy(const Rotation& rotation);

// The box as `pose` takes it along: its centre and its axes; the extents stay. pose: a rotation and
// a shift (is_rigid).
OrientedBox moved(const Pose& pose, const OrientedBox& box);

// Whether a pose is finite, has the last row 0 0 0 1, and its 3x3 part is a rotation within 1e-3 of
// every product of its rows.
bool is_rigid(const Pose& pose);

}  // namespace vega
