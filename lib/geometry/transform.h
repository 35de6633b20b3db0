// Points and boxes through poses. Metres, right-handed.
#pragma once

#include <array>

#include "geometry/pose.h"

namespace vega {

using Point3 = std::array<double, 3>;

// The point that m, a 4x4 matrix with last row 0 0 0 1, takes p to.
Point3 transform(const Pose& m, const Point3& p);

// The pose that takes every point back. Throws InputError where the matrix is not finite or
// flattens space.
Pose inverse(const Pose& m);

// Corner i has the upper end on axis a where bit a of i is set: 0 is the lowest corner, 7 the
// highest.
std::array<Point3, 8> corners(const Box& box);

}  // namespace vega
