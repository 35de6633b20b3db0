// The distance of two plain shapes by projecting a point to and fro: for convex bodies it comes
// down to the nearest pair. Source: Cheney and Goldstein, Proximity maps for convex sets (1959).
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/error.h"
#include "synth/dataset/vsi.h"

namespace vega::synth {
namespace {

constexpr int kRounds = 20000;
constexpr double kSettled = 1e-8;      // m that a round still moves the point
constexpr double kConeTip = 1.0 / 22;  // the top radius of a cone, of its foot's

double distance(const RoomPoint& a, const RoomPoint& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

// The nearest point to (r, z) of a trapezoid: from the axis to r0 at z0, to r1 at z1.
std::array<double, 2> nearest_in_profile(double r, double z, double r0, double r1, double z0,
                                         double z1) {
  const double at = std::clamp((z - z0) / (z1 - z0), 0.0, 1.0);
  if (z >= z0 && z <= z1 && r <= r0 + (r1 - r0) * at) return {r, z};
  std::array<double, 2> best{};
  double least = 1e30;
  const auto try_edge = [&](double ar, double az, double br, double bz) {
    const double dr = br - ar, dz = bz - az;
    const double t = std::clamp(((r - ar) * dr + (z - az) * dz) / (dr * dr + dz * dz), 0.0, 1.0);
    const double pr = ar + t * dr, pz = az + t * dz, gap = std::hypot(r - pr, z - pz);
    if (gap < least) least = gap, best = {pr, pz};
  };
  try_edge(0, z0, r0, z0);
  try_edge(r0, z0, r1, z1);
  try_edge(0, z1, r1, z1);
  return best;
}

RoomPoint nearest_in(const Thing& t, const RoomPoint& p) {
  if (t.label == "box")
    return {std::clamp(p[0], t.low[0], t.high[0]), std::clamp(p[1], t.low[1], t.high[1]),
            std::clamp(p[2], t.low[2], t.high[2])};
  const double radius = (t.high[0] - t.low[0]) / 2;
  const double x = p[0] - t.x(), y = p[1] - t.y();
  if (t.label == "ball") {
    const double z = p[2] - t.z(), away = std::hypot(x, y, z);
    if (away <= radius) return p;
    const double s = radius / away;
    return {t.x() + s * x, t.y() + s * y, t.z() + s * z};
  }
  const double r = std::hypot(x, y);
  const double top = t.label == "cone" ? radius * kConeTip : radius;
  const auto [to_r, to_z] = nearest_in_profile(r, p[2], radius, top, t.low[2], t.high[2]);
  const double s = r > 0 ? to_r / r : 0;
  return {t.x() + s * x, t.y() + s * y, to_z};
}

void require_shape(const Thing& t) {
  for (const std::string_view label : {"box", "ball", "cylinder", "cone"})
    if (t.label == label) return;
  throw InputError(explain("the distance of two shapes", t.label, "a box, ball, cylinder or cone"));
}

}  // namespace

double shape_distance(const Thing& a, const Thing& b) {
  require_shape(a);
  require_shape(b);
  RoomPoint on_a{a.x(), a.y(), a.z()}, on_b{};
  for (int round = 0; round < kRounds; ++round) {
    on_b = nearest_in(b, on_a);
    const RoomPoint next = nearest_in(a, on_b);
    const double moved = distance(next, on_a);
    on_a = next;
    if (moved < kSettled) break;
  }
  return distance(on_a, on_b);
}

}  // namespace vega::synth
