// What a room is made of: solids, materials, objects, lights; and the tree that finds the first
// solid on a ray. Private to lib/synth.
#pragma once

#include <string>
#include <vector>

#include "synth/room.h"
#include "synth/room_material.h"
#include "synth/room_solid.h"

namespace vega::room {

inline Vec3 vec(const RoomPoint& p) { return {p[0], p[1], p[2]}; }
inline RoomPoint point(Vec3 v) { return {v.x, v.y, v.z}; }

struct Hit {
  double t = -1;
  int solid = -1;
};

// Bounding-volume tree over solids.
class SolidTree {
 public:
  void build(const std::vector<Solid>& solids);
  // Nearest surface with t_min < t < t_max. With `glowing` given, solids marked there are passed
  // through.
  // `hint`: a solid that is likely met (-1: none); changes the speed only.
  Hit nearest(const Ray& ray, double t_min, double t_max, int hint = -1) const;
  bool blocked(const Ray& ray, double t_min, double t_max,
               const std::vector<std::uint8_t>& see_through) const;
  bool inside(Vec3 point) const;

 private:
  struct Node {
    Box3 box;
    int first = 0, count = 0;  // leaf: order_[first, first + count); else children first, first + 1
  };
  void split(int node, int first, int count);
  const std::vector<Solid>* solids_ = nullptr;
  std::vector<int> order_;
  std::vector<Node> nodes_;
};

// A glowing sphere.
struct Lamp {
  Vec3 centre;
  double radius = 0.1;
  Vec3 power;  // radiance times pi times radius squared: irradiance at 1 m
};

struct Model {
  std::uint64_t seed = 0;
  RoomKind kind = RoomKind::kFurnished;
  double half_x = 2.5, half_y = 2, height = 2.6;  // interior
  std::vector<Solid> solids;
  std::vector<Material> materials;
  std::vector<RoomObject> objects;
  std::vector<std::uint8_t> glowing;  // by solid
  std::vector<Lamp> lamps;
  // The opening of the window: rectangle, inward normal.
  Vec3 window_centre, window_right, window_up, window_in;  // right and up with half lengths
  Vec3 sun_direction, sun_colour;                          // towards the sun
  Vec3 sky_colour;
  std::uint32_t sky_salt = 0;
  double exposure = 1, sky_view = 1;  // of the picture; brightness of the view through the window
  SolidTree tree;
};

// Makes the room of a seed, its tree not yet built: room_layout.cpp.
Model build_model(std::uint64_t seed, RoomKind kind = RoomKind::kFurnished);

// Baked light: irradiance over pi at the knots of every chart, without direct sun. room_light.cpp.
class LightMaps {
 public:
  void bake(Model& model, int threads);
  Vec3 at(const Solid& solid, Vec3 local, Vec3 normal) const;

 private:
  struct Chart {
    int offset = 0, nu = 1, nv = 1;  // knots
  };
  struct Knot {
    Vec3 position, normal;
    int solid = 0;
    bool valid = false;
  };
  void lay_out(Model& model);
  void fill_hidden();
  void blur();
  // A surface seen from a knot: its nearest knot (-1: the sky), its colour.
  struct Seen {
    std::int32_t knot = -1;
    std::uint8_t albedo[3] = {};
  };
  void look_around(const Model& model, int knot, Seen* out) const;
  std::vector<Chart> charts_;
  std::vector<Knot> knots_;
  std::vector<std::array<float, 3>> soft_, total_;
};

// Share of direct sun that reaches a point: 0 or 1.
bool sunlit(const Model& model, Vec3 position, Vec3 normal);

// Distance to the nearest bounding box of a solid. room_walk.cpp.
double clearance(const Model& model, Vec3 point);

// Poses of the walk: room_walk.cpp.
std::vector<Pose> walk_poses(const Model& model, int frames);

}  // namespace vega::room
