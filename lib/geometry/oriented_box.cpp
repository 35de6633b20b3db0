#include "geometry/oriented_box.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace vega {

Rotation rotation_zxy(const std::array<double, 3>& angles) {
  const double sa = std::sin(angles[0]), ca = std::cos(angles[0]);
  const double sb = std::sin(angles[1]), cb = std::cos(angles[1]);
  const double sc = std::sin(angles[2]), cc = std::cos(angles[2]);
  return {ca * cc - sa * sb * sc,
          -sa * cb,
          ca * sc + sa * sb * cc,
          sa * cc + ca * sb * sc,
          ca * cb,
          sa * sc - ca * sb * cc,
          -cb * sc,
          sb,
          cb * cc};
}

std::array<double, 3> angles_zxy(const Rotation& r) {
  constexpr double kStraight = 1 - 1e-14;  // beyond, a and c turn about one axis
  const double b = std::asin(std::clamp(r[7], -1.0, 1.0));
  if (std::abs(r[7]) > kStraight) return {std::atan2(r[3], r[0]), b, 0};
  return {std::atan2(-r[1], r[4]), b, std::atan2(-r[6], r[8])};
}

OrientedBox moved(const Pose& pose, const OrientedBox& box) {
  const Rotation from = rotation_zxy({box[6], box[7], box[8]});
  Rotation to{};
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column)
      for (std::size_t k = 0; k < 3; ++k)
        to[3 * row + column] += pose[4 * row + k] * from[3 * k + column];
  const Point3 center = transform(pose, {box[0], box[1], box[2]});
  const auto angles = angles_zxy(to);
  return {center[0], center[1], center[2], box[3], box[4], box[5], angles[0], angles[1], angles[2]};
}

bool is_rigid(const Pose& pose) {
  constexpr double kTolerance = 1e-3;
  if (!std::ranges::all_of(pose, [](double number) { return std::isfinite(number); })) return false;
  if (pose[12] != 0 || pose[13] != 0 || pose[14] != 0 || pose[15] != 1) return false;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = i; j < 3; ++j) {
      double product = 0;
      for (std::size_t k = 0; k < 3; ++k) product += pose[4 * i + k] * pose[4 * j + k];
      if (std::abs(product - (i == j ? 1 : 0)) > kTolerance) return false;
    }
  }
  const double determinant = pose[0] * (pose[5] * pose[10] - pose[6] * pose[9]) -
                             pose[1] * (pose[4] * pose[10] - pose[6] * pose[8]) +
                             pose[2] * (pose[4] * pose[9] - pose[5] * pose[8]);
  return determinant > 0;
}

}  // namespace vega
