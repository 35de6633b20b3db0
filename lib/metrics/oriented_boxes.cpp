#include "metrics/oriented_boxes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace vega::metrics {
namespace {

using Polygon = std::vector<Point3>;

// The part of a convex polygon where weights . p + rest >= 0; empty where no corner is beyond 0 and
// `on` is false: a polygon in the plane itself then counts on its other side alone.
Polygon cut(const Polygon& polygon, const Point3& weights, double rest, bool on = true) {
  Polygon out;
  const auto height = [&](const Point3& p) {
    return weights[0] * p[0] + weights[1] * p[1] + weights[2] * p[2] + rest;
  };
  if (!on && std::ranges::none_of(polygon, [&](const Point3& p) { return height(p) > 0; }))
    return out;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point3 &from = polygon[i], &to = polygon[(i + 1) % polygon.size()];
    const double above = height(from), next = height(to);
    if (above >= 0) out.push_back(from);
    if ((above > 0 && next < 0) || (above < 0 && next > 0)) {
      const double t = above / (above - next);
      out.push_back({from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1]),
                     from[2] + t * (to[2] - from[2])});
    }
  }
  return out;
}

// Six times the signed volume between the origin and a polygon.
double cone(const Polygon& polygon) {
  double sum = 0;
  for (std::size_t i = 2; i < polygon.size(); ++i) {
    const Point3 &p = polygon[0], &q = polygon[i - 1], &r = polygon[i];
    sum += p[0] * (q[1] * r[2] - q[2] * r[1]) - p[1] * (q[0] * r[2] - q[2] * r[0]) +
           p[2] * (q[0] * r[1] - q[1] * r[0]);
  }
  return sum;
}

// Six times the signed volume of the cone over a polygon within the cube of corners +-1. The cube
// is six pyramids over its faces: within one, a part of the polygon beyond the face counts as its
// shadow on the face. No step depends on whether faces lie in one plane.
double cone_in_cube(const Polygon& polygon) {
  double sum = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::size_t next = (axis + 1) % 3, last = (axis + 2) % 3;
    for (const double side : {1.0, -1.0}) {
      Polygon part = polygon;
      for (const std::size_t other : {next, last}) {
        for (const double sign : {1.0, -1.0}) {
          Point3 weights{};
          weights[axis] = side;
          weights[other] = sign;
          part = cut(part, weights, 0);
        }
      }
      if (part.size() < 3) continue;
      Point3 weights{};
      weights[axis] = -side;
      sum += cone(cut(part, weights, 1));
      weights[axis] = side;
      Polygon beyond = cut(part, weights, -1, false);
      for (Point3& p : beyond) {
        const double shrink = 1 / (side * p[axis]);
        for (double& number : p) number *= shrink;
      }
      sum += cone(beyond);
    }
  }
  return sum;
}

double volume(const OrientedBox& box) { return std::abs(box[3] * box[4] * box[5]); }

}  // namespace

bool has_small_face(const OrientedBox& box) {
  constexpr double kLeast = 2e-4;
  std::array<double, 3> edges = {std::abs(box[3]), std::abs(box[4]), std::abs(box[5])};
  std::ranges::sort(edges);
  return edges[0] * edges[1] < kLeast;
}

double shared_volume(const OrientedBox& a, const OrientedBox& b) {
  for (const OrientedBox* box : {&a, &b})
    for (const double number : *box)
      if (!std::isfinite(number)) return 0;
  if (volume(a) == 0 || volume(b) == 0) return 0;
  // b where a is the cube of corners +-1: its centre, and its half axes.
  const Rotation turn_a = rotation_zxy({a[6], a[7], a[8]});
  const Rotation turn_b = rotation_zxy({b[6], b[7], b[8]});
  Point3 center{};
  std::array<Point3, 3> half{};
  for (std::size_t row = 0; row < 3; ++row) {
    const double scale = 2 / std::abs(a[row + 3]);
    for (std::size_t k = 0; k < 3; ++k) {
      const double along = scale * turn_a[3 * k + row];
      center[row] += along * (b[k] - a[k]);
      for (std::size_t axis = 0; axis < 3; ++axis)
        half[axis][row] += along * turn_b[3 * k + axis] * std::abs(b[axis + 3]) / 2;
    }
  }
  double sum = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const Point3 &u = half[(axis + 1) % 3], &v = half[(axis + 2) % 3];
    for (const double side : {1.0, -1.0}) {
      Polygon face;  // seen from outside against the clock
      for (const auto& [along, across] : {std::array{1.0, 1.0}, std::array{-side, side},
                                          std::array{-1.0, -1.0}, std::array{side, -side}}) {
        Point3 p{};
        for (std::size_t k = 0; k < 3; ++k)
          p[k] = center[k] + side * half[axis][k] + along * u[k] + across * v[k];
        face.push_back(p);
      }
      sum += cone_in_cube(face);
    }
  }
  const double shared = sum / 6 * volume(a) / 8;
  return std::clamp(shared, 0.0, std::min(volume(a), volume(b)));
}

double oriented_iou(const OrientedBox& a, const OrientedBox& b) {
  if (has_small_face(a) || has_small_face(b)) return 0;
  const double shared = shared_volume(a, b);
  return shared / (volume(a) + volume(b) - shared);
}

}  // namespace vega::metrics
