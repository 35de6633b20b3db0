#include "geometry/pose.h"

#include <cmath>
#include <cstddef>

namespace vega {

Pose multiply(const Pose& a, const Pose& b) {
  Pose out{};
  for (std::size_t r = 0; r < 4; ++r) {
    for (std::size_t c = 0; c < 4; ++c) {
      double sum = 0;
      for (std::size_t k = 0; k < 4; ++k) sum += a[4 * r + k] * b[4 * k + c];
      out[4 * r + c] = sum;
    }
  }
  return out;
}

bool same_pose(const Pose& a, const Pose& b, double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
    if (std::abs(a[i] - b[i]) > tolerance) return false;
  }
  return true;
}

}  // namespace vega
