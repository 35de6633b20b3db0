// A made-up room whose geometry is known exactly, and a small ray tracer that looks at it.
// World: metres, right-handed, z up, floor at z = 0, origin in the middle of the floor, walls along
// the axes. Camera: x right, y down, z forward. Pixel (0, 0) is the centre of the top-left pixel.
// A room is a pure function of its seed and kind: layout, textures, colours, lights and walk.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "geometry/pose.h"

namespace vega {

using RoomPoint = std::array<double, 3>;  // x y z, metres

// What stands in a room.
enum class RoomKind {
  kFurnished,  // furniture and small things, as in a living room
  kStudy,      // a little furniture, and plain shapes on the floor to talk about
  kStacked     // the same, but some of the shapes stand on others
};
// Whether plain shapes stand in the room, to talk about.
inline bool has_plain_shapes(RoomKind kind) { return kind != RoomKind::kFurnished; }

// A labelled thing. The box is the exact axis-aligned extent of its surface in the world, metres.
// Walls, floor and ceiling are objects too; id counts from 0 without gaps.
struct RoomObject {
  int id = 0;
  std::string label;
  RoomPoint box_min{}, box_max{};
  // Of the plain shapes of a study room, else empty and black. The label is the shape.
  std::string colour{};  // "red", ...
  RoomPoint rgb{};       // its albedo, linear
};

// A pinhole without distortion: u = fx x / z + cx, v = fy y / z + cy.
struct RoomIntrinsics {
  double fx = 0, fy = 0, cx = 0, cy = 0;
  int width = 0, height = 0;
};

// What one camera sees. Depth and ids are those of the ray through the pixel centre.
struct RoomView {
  ImageU8 color;      // sRGB, 2x2 supersampled
  ImageU16 depth_mm;  // along the optical axis, nearest millimetre, 0 = none (sky)
  std::vector<std::int32_t> object_id;  // height x width, row-major; -1 = none
};

class Room {
 public:
  explicit Room(std::uint64_t seed, RoomKind kind = RoomKind::kFurnished);
  ~Room();
  Room(Room&&) noexcept;
  Room& operator=(Room&&) noexcept;

  std::uint64_t seed() const;
  RoomKind kind() const;
  const std::vector<RoomObject>& objects() const;

  // A closed handheld loop through the room at 1.4 to 1.6 m, never inside a solid; pose i is at
  // i / frames of the loop. Throws InputError for frames < 1.
  std::vector<Pose> walk(int frames) const;

  // Square pixels, principal point in the middle, horizontal field of view of 62 degrees.
  // Throws InputError for a size outside 16..8192.
  static RoomIntrinsics intrinsics(int width, int height);

  // Renders one frame with `threads` threads (0: all); the bytes do not depend on them. The first
  // call computes the lighting of the room (a second or two); concurrent calls are safe.
  RoomView render(const Pose& pose, int width, int height, int threads = 1) const;

  // Computes the lighting now, with `threads` threads (0: all), instead of in the first render.
  void light(int threads = 0) const;

  // Exact depth (m along the optical axis) at any sub-pixel position; 0 where there is none.
  double depth_at(const Pose& pose, const RoomIntrinsics& camera, double u, double v) const;

  // The world point at pixel (u, v) and depth (m).
  static RoomPoint unproject(const Pose& pose, const RoomIntrinsics& camera, double u, double v,
                             double depth);

  // u, v, depth (m) of a world point; nothing when it is behind the camera.
  static std::optional<std::array<double, 3>> project(const Pose& pose,
                                                      const RoomIntrinsics& camera,
                                                      const RoomPoint& point);

  // True when the point falls into the picture and nothing stands before it by more than
  // `tolerance` metres: with project(), the known correspondence between any two frames.
  bool visible(const RoomPoint& point, const Pose& pose, const RoomIntrinsics& camera,
               double tolerance = 1e-3) const;

  // True inside some solid (walls included).
  bool inside_solid(const RoomPoint& point) const;

  // Distance to the nearest bounding box of a solid, a lower bound of the free space; 0 in a box.
  double clearance(const RoomPoint& point) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vega
