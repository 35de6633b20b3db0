#include "scan/geometry.h"

namespace vega::scan {
namespace {

Point3d align(const Point3f& p, const Matrix4& m) {
  const double x = p[0], y = p[1], z = p[2];
  const auto row = [&](int r) {
    const double* a = m.data() + 4 * r;
    return ((a[0] * x + a[1] * y) + a[2] * z) + a[3];
  };
  const double w = row(3);
  if (w == 1) return {row(0), row(1), row(2)};
  return {row(0) / w, row(1) / w, row(2) / w};
}

}  // namespace

std::vector<Point3d> align_points(std::span<const Point3f> points, const Matrix4& axis_align) {
  std::vector<Point3d> out;
  out.reserve(points.size());
  for (const Point3f& p : points) out.push_back(align(p, axis_align));
  return out;
}

std::vector<Point3f> align_points_f32(std::span<const Point3f> points, const Matrix4& axis_align) {
  std::vector<Point3f> out;
  out.reserve(points.size());
  for (const Point3f& p : points) {
    const Point3d q = align(p, axis_align);
    out.push_back({static_cast<float>(q[0]), static_cast<float>(q[1]), static_cast<float>(q[2])});
  }
  return out;
}

}  // namespace vega::scan
