// The plane through points, by least squares.
#pragma once

#include <array>
#include <cstdint>

namespace vega {

// Sums of points, from which their plane is computed. Add points relative to one of them: far from
// the origin the squares would lose digits.
struct PointSums {
  std::int64_t count = 0;
  std::array<double, 3> sum{};         // x, y, z
  std::array<double, 6> square_sum{};  // xx, xy, xz, yy, yz, zz

  void add(double x, double y, double z);
};

struct FittedPlane {
  std::array<double, 3> normal{};  // unit vector, of either sign; 0 0 0 where there is no plane
  // Standard deviation across the plane over the smaller one within it: 0 of a plane, 0.5 where two
  // planes meet at a right angle in the middle.
  double thickness = 1;
};

// No plane: less than three points, or points on one line.
FittedPlane fit_plane(const PointSums& points);

}  // namespace vega
