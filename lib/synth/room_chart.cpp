// Charts and texture coordinates of the solids.
#include "synth/room_solid.h"

namespace vega::room {
namespace {

constexpr int kRight[3] = {1, 0, 0}, kUp[3] = {2, 2, 1};  // in-face axes of a box face

bool is_box(const Solid& s) { return s.shape == Shape::kBox || s.shape == Shape::kRoundBox; }

double turns(double y, double x) {  // angle in [0, 1)
  const double a = std::atan2(y, x) / (2 * kPi);
  return a < 0 ? a + 1 : a;
}

double slant(const Solid& s) { return norm(2 * s.size.z, s.size.y - s.size.x); }

}  // namespace

int chart_count(const Solid& s) {
  if (is_box(s)) return 6;
  return s.shape == Shape::kFrustum ? 3 : 1;
}

std::array<double, 2> chart_size(const Solid& s, int chart) {
  switch (s.shape) {
    case Shape::kBox:
    case Shape::kRoundBox: return {2 * s.size[kRight[chart / 2]], 2 * s.size[kUp[chart / 2]]};
    case Shape::kFrustum: {
      if (chart == 0) return {2 * kPi * std::max(s.size.x, s.size.y), slant(s)};
      const double r = chart == 1 ? s.size.x : s.size.y;
      return {2 * r, 2 * r};
    }
    case Shape::kEllipsoid: {
      const double r = std::max({s.size.x, s.size.y, s.size.z});
      return {2 * kPi * r, kPi * r};
    }
    case Shape::kTorus: return {2 * kPi * s.size.x, 2 * kPi * s.size.y};
  }
  return {0, 0};
}

SurfacePoint chart_point(const Solid& s, int chart, double u, double v) {
  Vec3 p{};
  switch (s.shape) {
    case Shape::kBox:
    case Shape::kRoundBox: {
      const int axis = chart / 2, r = kRight[axis], t = kUp[axis];
      p[axis] = (chart & 1 ? 1 : -1) * s.size[axis];
      p[r] = (2 * u - 1) * s.size[r], p[t] = (2 * v - 1) * s.size[t];
      if (s.shape == Shape::kBox) {
        Vec3 n{};
        n[axis] = chart & 1 ? 1 : -1;
        return {p, n};
      }
      Vec3 core{};
      for (int a = 0; a < 3; ++a) {
        const double inner = s.size[a] - s.round;
        core[a] = std::clamp(p[a], -inner, inner);
      }
      const Vec3 n = normalized(p - core);
      return {core + n * s.round, n};
    }
    case Shape::kFrustum: {
      const double h = s.size.z;
      if (chart == 0) {
        const double r = s.size.x + (s.size.y - s.size.x) * v, a = 2 * kPi * u;
        p = {r * std::cos(a), r * std::sin(a), (2 * v - 1) * h};
        const double k = (s.size.y - s.size.x) / (2 * h);
        return {p, normalized({std::cos(a), std::sin(a), -k})};
      }
      const double r = chart == 1 ? s.size.x : s.size.y;
      double x = 2 * u - 1, y = 2 * v - 1;
      const double rho = norm(x, y);
      if (rho > 0.98) x *= 0.98 / rho, y *= 0.98 / rho;  // corners of the square: the rim
      const double side = chart == 1 ? -1 : 1;
      return {{r * x, r * y, side * h}, {0, 0, side}};
    }
    case Shape::kEllipsoid: {
      const double a = 2 * kPi * u, e = kPi * (v - 0.5);
      p = Vec3{std::cos(e) * std::cos(a), std::cos(e) * std::sin(a), std::sin(e)} * s.size;
      return {p, local_normal(s, p)};
    }
    case Shape::kTorus: {
      const double a = 2 * kPi * u, e = 2 * kPi * v;
      const Vec3 n{std::cos(e) * std::cos(a), std::cos(e) * std::sin(a), std::sin(e)};
      return {Vec3{s.size.x * std::cos(a), s.size.x * std::sin(a), 0} + n * s.size.y, n};
    }
  }
  return {};
}

ChartSpot chart_of(const Solid& s, Vec3 p, Vec3 n) {
  switch (s.shape) {
    case Shape::kBox:
    case Shape::kRoundBox: {
      int axis = 0;
      double best = -1;
      for (int a = 0; a < 3; ++a) {
        const double near = s.shape == Shape::kBox ? std::abs(n[a]) : std::abs(p[a]) / s.size[a];
        if (near > best) best = near, axis = a;
      }
      const double sign = s.shape == Shape::kBox ? n[axis] : p[axis];
      const int r = kRight[axis], t = kUp[axis];
      return {2 * axis + (sign > 0), p[r] / (2 * s.size[r]) + 0.5, p[t] / (2 * s.size[t]) + 0.5};
    }
    case Shape::kFrustum: {
      if (n.x != 0 || n.y != 0) return {0, turns(p.y, p.x), p.z / (2 * s.size.z) + 0.5};
      const double r = std::max(1e-9, n.z < 0 ? s.size.x : s.size.y);
      return {n.z < 0 ? 1 : 2, p.x / (2 * r) + 0.5, p.y / (2 * r) + 0.5};
    }
    case Shape::kEllipsoid: {
      const Vec3 q{p.x / s.size.x, p.y / s.size.y, p.z / s.size.z};
      return {0, turns(q.y, q.x), std::asin(std::clamp(q.z, -1.0, 1.0)) / kPi + 0.5};
    }
    case Shape::kTorus: return {0, turns(p.y, p.x), turns(n.z, norm(p.x, p.y) - s.size.x)};
  }
  return {0, 0, 0};
}

std::array<double, 2> texture_uv(const Solid& s, Vec3 p, Vec3 n) {
  switch (s.shape) {
    case Shape::kBox:
    case Shape::kRoundBox: {
      const Vec3 a = abs(n);
      const int axis = a.z >= a.x && a.z >= a.y ? 2 : a.x >= a.y ? 0 : 1;
      const Vec3 q = p + s.shift;
      return {q[kRight[axis]], q[kUp[axis]]};
    }
    case Shape::kFrustum: {
      if (n.x == 0 && n.y == 0) return {p.x, p.y};
      return {std::atan2(p.y, p.x) * std::max(s.size.x, s.size.y), p.z};
    }
    case Shape::kEllipsoid: {
      const double r = std::max(s.size.x, s.size.y);
      return {std::atan2(p.y / s.size.y, p.x / s.size.x) * r,
              std::asin(std::clamp(p.z / s.size.z, -1.0, 1.0)) * s.size.z};
    }
    case Shape::kTorus:
      return {std::atan2(p.y, p.x) * s.size.x,
              std::atan2(n.z, norm(p.x, p.y) - s.size.x) * s.size.y};
  }
  return {0, 0};
}

}  // namespace vega::room
