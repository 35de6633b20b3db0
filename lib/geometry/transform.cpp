#include "geometry/transform.h"

#include <cmath>
#include <cstddef>

#include "base/error.h"

namespace vega {

Point3 transform(const Pose& m, const Point3& p) {
  Point3 out{};
  for (std::size_t r = 0; r < 3; ++r)
    out[r] = m[4 * r] * p[0] + m[4 * r + 1] * p[1] + m[4 * r + 2] * p[2] + m[4 * r + 3];
  return out;
}

Pose inverse(const Pose& m) {
  // Cofactors of the turning part: rows of the inverse are cross products of its columns.
  Pose out{};
  double determinant = 0;
  for (std::size_t r = 0; r < 3; ++r) {
    const std::size_t a = (r + 1) % 3, b = (r + 2) % 3;
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t d = (c + 1) % 3, e = (c + 2) % 3;
      out[4 * r + c] = m[4 * d + a] * m[4 * e + b] - m[4 * e + a] * m[4 * d + b];
    }
  }
  for (std::size_t k = 0; k < 3; ++k) determinant += m[4 * k] * out[k];
  if (!std::isfinite(determinant) || std::abs(determinant) < 1e-12)
    throw InputError(explain("a pose", "a matrix that flattens space or is not finite",
                             "a rotation and a translation"));
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) out[4 * r + c] /= determinant;
    out[4 * r + 3] = -(out[4 * r] * m[3] + out[4 * r + 1] * m[7] + out[4 * r + 2] * m[11]);
  }
  out[15] = 1;
  return out;
}

std::array<Point3, 8> corners(const Box& box) {
  std::array<Point3, 8> out{};
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t a = 0; a < 3; ++a) {
      const double half = 0.5 * static_cast<double>(box[3 + a]);
      out[i][a] = static_cast<double>(box[a]) + ((i >> a & 1) != 0 ? half : -half);
    }
  }
  return out;
}

}  // namespace vega
