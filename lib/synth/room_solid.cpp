#include "synth/room_solid.h"

namespace vega::room {
namespace {

// Entry into the box |p| <= half; negative: none. `exit` receives the leaving parameter.
double box_entry(const Vec3& o, const Vec3& d, const Vec3& half, double& exit) {
  double near = -1e30, far = 1e30;
  const auto slab = [&](double oa, double da, double ha) {
    if (da == 0) {
      if (std::abs(oa) > ha) far = -1e30;
      return;
    }
    const double inv = 1 / da, t0 = (-ha - oa) * inv, t1 = (ha - oa) * inv;
    near = std::max(near, std::min(t0, t1)), far = std::min(far, std::max(t0, t1));
  };
  slab(o.x, d.x, half.x);
  slab(o.y, d.y, half.y);
  slab(o.z, d.z, half.z);
  exit = far;
  return near <= far ? near : -1;
}

// Rounded box: the distance along a ray is convex, so Newton from outside walks up to the first
// root and never past it.
double round_box_entry(Vec3 o, Vec3 d, const Solid& s, double t_min) {
  double exit = 0;
  const double entry = box_entry(o, d, s.size, exit);
  if (exit < t_min || exit < entry) return -1;
  const Vec3 inner = s.size - Vec3{s.round, s.round, s.round};
  double t = std::max(entry, t_min);
  for (int step = 0; step < 64; ++step) {
    const Vec3 p = o + d * t;
    Vec3 q{};
    for (int a = 0; a < 3; ++a) q[a] = p[a] - std::clamp(p[a], -inner[a], inner[a]);
    const double reach = length(q), gap = reach - s.round;
    if (gap <= 1e-12) return t > t_min ? t : -1;
    const double slope = dot(q, d) / reach;
    if (slope >= 0) return -1;
    t -= gap / slope;
    if (t > exit) return -1;
  }
  return t;
}

double frustum_entry(Vec3 o, Vec3 d, const Solid& s, double t_min) {
  const double h = s.size.z, mid = (s.size.x + s.size.y) / 2, k = (s.size.y - s.size.x) / (2 * h);
  double best = -1;
  const auto offer = [&](double t) {
    if (t > t_min && (best < 0 || t < best)) best = t;
  };
  // Caps, from outside only.
  if (d.z != 0) {
    const double side = d.z < 0 ? h : -h, r = d.z < 0 ? s.size.y : s.size.x;
    const double t = (side - o.z) / d.z, x = o.x + d.x * t, y = o.y + d.y * t;
    if (x * x + y * y <= r * r) offer(t);
  }
  // Side: x^2 + y^2 = (mid + k z)^2.
  const double ro = mid + k * o.z, rd = k * d.z;
  const double a = d.x * d.x + d.y * d.y - rd * rd, b = o.x * d.x + o.y * d.y - ro * rd;
  const double c = o.x * o.x + o.y * o.y - ro * ro, disc = b * b - a * c;
  if (disc < 0) return best;
  const double root = std::sqrt(disc), q = -(b + std::copysign(root, b));
  const double candidates[2] = {a != 0 ? q / a : -1, q != 0 ? c / q : -1};
  for (const double t : candidates) {
    const Vec3 p = o + d * t;
    const double radius = mid + k * p.z;
    if (std::abs(p.z) > h || radius < 0) continue;
    if (d.x * p.x + d.y * p.y - k * radius * d.z < 0) offer(t);  // entering
  }
  return best;
}

double ellipsoid_entry(Vec3 o, Vec3 d, const Solid& s, double t_min) {
  const Vec3 inv{1 / s.size.x, 1 / s.size.y, 1 / s.size.z}, p = o * inv, q = d * inv;
  const double a = dot(q, q), b = dot(p, q);
  const double disc = b * b - a * (dot(p, p) - 1);
  if (disc < 0) return -1;
  const double t = (-b - std::sqrt(disc)) / a;
  return t > t_min ? t : -1;
}

// Torus: sphere tracing on the exact distance, then Newton.
double torus_entry(Vec3 o, Vec3 d, const Solid& s, double t_min) {
  const double ring = s.size.x, tube = s.size.y;
  double exit = 0;
  const double entry = box_entry(o, d, {ring + tube, ring + tube, tube}, exit);
  if (exit < t_min || exit < entry) return -1;
  const double speed = length(d);
  double t = std::max(entry, t_min);
  for (int step = 0; step < 400 && t <= exit; ++step) {
    const Vec3 p = o + d * t;
    const double rho = norm(p.x, p.y), gap = norm(rho - ring, p.z) - tube;
    if (gap < -1e-9) return -1;  // started inside
    if (gap < 1e-10) return t > t_min ? t : -1;
    t += gap / speed;
  }
  return -1;
}

Vec3 extent_of(const Solid& s) {
  const Mat3& m = s.axes;
  Vec3 e{};
  for (int a = 0; a < 3; ++a) {
    const Vec3 row{m.c0[a], m.c1[a], m.c2[a]};
    switch (s.shape) {
      case Shape::kBox: e[a] = dot(abs(row), s.size); break;
      case Shape::kRoundBox: {
        const Vec3 inner = s.size - Vec3{s.round, s.round, s.round};
        e[a] = dot(abs(row), inner) + s.round;
        break;
      }
      case Shape::kEllipsoid: e[a] = length(row * s.size); break;
      case Shape::kTorus: e[a] = s.size.x * norm(row.x, row.y) + s.size.y; break;
      case Shape::kFrustum: break;  // not symmetric: place()
    }
  }
  return e;
}

}  // namespace

void place(Solid& s) {
  const Vec3 e = extent_of(s);
  s.bounds = {s.centre - e, s.centre + e};
  if (s.shape == Shape::kFrustum) {
    s.bounds = {};
    for (const int end : {-1, 1}) {
      const Vec3 c = s.centre + s.axes.c2 * (end * s.size.z);
      const double r = end < 0 ? s.size.x : s.size.y;
      Vec3 d{};
      for (int a = 0; a < 3; ++a) d[a] = r * norm(s.axes.c0[a], s.axes.c1[a]);
      s.bounds.add({c - d, c + d});
    }
  }
  s.aligned = s.axes.c0.x == 1 && s.axes.c1.y == 1 && s.axes.c2.z == 1;
}

double intersect(const Solid& s, const Ray& ray, double t_min) {
  Vec3 o = ray.origin - s.centre, d = ray.direction;
  if (!s.aligned) o = s.axes.transposed(o), d = s.axes.transposed(d);
  switch (s.shape) {
    case Shape::kBox: {
      double exit = 0;
      const double t = box_entry(o, d, s.size, exit);
      return t > t_min ? t : -1;
    }
    case Shape::kRoundBox: return round_box_entry(o, d, s, t_min);
    case Shape::kFrustum: return frustum_entry(o, d, s, t_min);
    case Shape::kEllipsoid: return ellipsoid_entry(o, d, s, t_min);
    case Shape::kTorus: return torus_entry(o, d, s, t_min);
  }
  return -1;
}

bool contains(const Solid& s, Vec3 world) {
  const Vec3 p = to_local(s, world), a = abs(p);
  switch (s.shape) {
    case Shape::kBox: return a.x < s.size.x && a.y < s.size.y && a.z < s.size.z;
    case Shape::kRoundBox: {
      const Vec3 inner = s.size - Vec3{s.round, s.round, s.round};
      return length(max(a - inner, Vec3{})) < s.round;
    }
    case Shape::kFrustum: {
      const double r = (s.size.x + s.size.y) / 2 + (s.size.y - s.size.x) / (2 * s.size.z) * p.z;
      return a.z < s.size.z && p.x * p.x + p.y * p.y < r * r;
    }
    case Shape::kEllipsoid: {
      const Vec3 q{p.x / s.size.x, p.y / s.size.y, p.z / s.size.z};
      return dot(q, q) < 1;
    }
    case Shape::kTorus: return norm(norm(p.x, p.y) - s.size.x, p.z) < s.size.y;
  }
  return false;
}

Vec3 local_normal(const Solid& s, Vec3 p) {
  switch (s.shape) {
    case Shape::kBox: {
      int axis = 0;
      double best = -1e30;
      for (int a = 0; a < 3; ++a) {
        const double depth = std::abs(p[a]) - s.size[a];
        if (depth > best) best = depth, axis = a;
      }
      Vec3 n{};
      n[axis] = p[axis] < 0 ? -1 : 1;
      return n;
    }
    case Shape::kRoundBox: {
      Vec3 q{};
      for (int a = 0; a < 3; ++a) {
        const double inner = s.size[a] - s.round;
        q[a] = p[a] - std::clamp(p[a], -inner, inner);
      }
      return normalized(q);
    }
    case Shape::kFrustum: {
      const double k = (s.size.y - s.size.x) / (2 * s.size.z), rho = norm(p.x, p.y);
      const double side = (s.size.x + s.size.y) / 2 + k * p.z - rho;  // > 0: inside the side
      const double cap = s.size.z - std::abs(p.z);
      if (cap < side || rho == 0) return {0, 0, p.z < 0 ? -1.0 : 1.0};
      return normalized({p.x / rho, p.y / rho, -k});
    }
    case Shape::kEllipsoid:
      return normalized(
          {p.x / (s.size.x * s.size.x), p.y / (s.size.y * s.size.y), p.z / (s.size.z * s.size.z)});
    case Shape::kTorus: {
      const double rho = norm(p.x, p.y), f = (rho - s.size.x) / rho;
      return normalized({p.x * f, p.y * f, p.z});
    }
  }
  return {0, 0, 1};
}

}  // namespace vega::room
