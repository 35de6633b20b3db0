#include "probe/plane.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace vega {
namespace {

using Matrix3 = std::array<std::array<double, 3>, 3>;

// Eigenvalues of a symmetric matrix, and their vectors as columns, by Jacobi's rotations.
struct Eigen3 {
  std::array<double, 3> value{};
  Matrix3 vector{};
};

// One rotation that makes a[p][q] zero.
void rotate(Matrix3& a, Matrix3& v, std::size_t p, std::size_t q) {
  if (a[p][q] == 0) return;
  const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const double t = std::copysign(1.0, theta) / (std::abs(theta) + std::hypot(theta, 1.0));
  const double c = 1 / std::hypot(t, 1.0), s = t * c;
  for (std::size_t k = 0; k < 3; ++k) {
    const double x = a[k][p], y = a[k][q];
    a[k][p] = c * x - s * y;
    a[k][q] = s * x + c * y;
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const double x = a[p][k], y = a[q][k];
    a[p][k] = c * x - s * y;
    a[q][k] = s * x + c * y;
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const double x = v[k][p], y = v[k][q];
    v[k][p] = c * x - s * y;
    v[k][q] = s * x + c * y;
  }
}

Eigen3 eigen_of(Matrix3 a) {
  Eigen3 out;
  for (std::size_t k = 0; k < 3; ++k) out.vector[k][k] = 1;
  constexpr int kSweeps = 12;  // each one squares what is left off the diagonal
  for (int sweep = 0; sweep < kSweeps; ++sweep)
    for (const auto [p, q] : {std::array<std::size_t, 2>{0, 1}, {0, 2}, {1, 2}})
      rotate(a, out.vector, p, q);
  for (std::size_t k = 0; k < 3; ++k) out.value[k] = a[k][k];
  return out;
}

}  // namespace

void PointSums::add(double x, double y, double z) {
  ++count;
  sum[0] += x, sum[1] += y, sum[2] += z;
  square_sum[0] += x * x, square_sum[1] += x * y, square_sum[2] += x * z;
  square_sum[3] += y * y, square_sum[4] += y * z, square_sum[5] += z * z;
}

FittedPlane fit_plane(const PointSums& points) {
  FittedPlane out;
  if (points.count < 3) return out;
  const auto n = static_cast<double>(points.count);
  Matrix3 covariance{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = i; j < 3; ++j, ++at) {
      covariance[i][j] = points.square_sum[at] / n - points.sum[i] / n * (points.sum[j] / n);
      covariance[j][i] = covariance[i][j];
    }
  }
  const Eigen3 eigen = eigen_of(covariance);
  std::array<std::size_t, 3> order{0, 1, 2};
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return eigen.value[a] < eigen.value[b]; });
  const double least = std::max(0.0, eigen.value[order[0]]);
  const double middle = eigen.value[order[1]], most = eigen.value[order[2]];
  constexpr double kLine = 1e-12;  // of the largest: what rounding leaves of a line's width
  if (!(middle > kLine * most)) return out;
  for (std::size_t k = 0; k < 3; ++k) out.normal[k] = eigen.vector[k][order[0]];
  out.thickness = std::sqrt(least / middle);
  return out;
}

}  // namespace vega
