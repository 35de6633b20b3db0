// The solids of the synthetic room: closed-form or convergent ray intersection in double, exact
// extents, and charts (maps between surface and unit squares) for baked light. Private to
// lib/synth.
#pragma once

#include "synth/room_math.h"

namespace vega::room {

struct Box3 {
  Vec3 lo{1e30, 1e30, 1e30}, hi{-1e30, -1e30, -1e30};
  void add(const Box3& b) { lo = min(lo, b.lo), hi = max(hi, b.hi); }
};

struct Ray {
  Vec3 origin, direction;  // the direction need not have unit length: t counts in its multiples
};

enum class Shape : std::uint8_t {
  kBox,        // size = half extents
  kRoundBox,   // size = half extents with the rounding; round = its radius
  kFrustum,    // axis z: radius size.x at -size.z, size.y at +size.z (cylinder, cone, lampshade)
  kEllipsoid,  // size = semi-axes
  kTorus,      // axis z: ring radius size.x, tube radius size.y
};

struct Solid {
  Shape shape = Shape::kBox;
  Mat3 axes;  // columns: local axes in the world
  Vec3 centre, size;
  double round = 0;
  Vec3 shift;  // added to the texture place of boxes: patterns run on over several solids
  int object = 0, material = 0;
  Box3 bounds;           // exact, world; by place()
  bool aligned = false;  // axes are the world's
  int first_chart = 0;   // into the light maps
};

// A surface point in local coordinates.
struct SurfacePoint {
  Vec3 position, normal;
};

// Fills bounds and aligned from shape, axes, centre and size.
void place(Solid& solid);

// Smallest t > t_min where the ray enters the solid's surface from outside, or a negative number.
// Rays that start inside see nothing of the solid.
double intersect(const Solid& solid, const Ray& ray, double t_min);

// True strictly inside.
bool contains(const Solid& solid, Vec3 world);

inline Vec3 to_local(const Solid& s, Vec3 world) { return s.axes.transposed(world - s.centre); }
inline Vec3 to_world(const Solid& s, Vec3 local) { return s.axes * local + s.centre; }

// Outward unit normal at a local surface point.
Vec3 local_normal(const Solid& solid, Vec3 local);

// Charts: number, physical size (m) of chart i, point at (u, v) in [0, 1]^2, and the reverse.
int chart_count(const Solid& solid);
std::array<double, 2> chart_size(const Solid& solid, int chart);
SurfacePoint chart_point(const Solid& solid, int chart, double u, double v);
struct ChartSpot {
  int chart;
  double u, v;
};
ChartSpot chart_of(const Solid& solid, Vec3 local, Vec3 normal);

// Texture coordinates in metres along the surface: (right, up) of the face, unrolled for round
// shapes.
std::array<double, 2> texture_uv(const Solid& solid, Vec3 local, Vec3 normal);

}  // namespace vega::room
