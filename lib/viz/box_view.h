// Boxes in perspective: which lines a camera sees of their edges.
#pragma once

#include <optional>
#include <vector>

#include "base/image_types.h"
#include "geometry/pose.h"
#include "viz/canvas.h"

namespace vega {

// A pinhole camera without distortion, and its picture.
struct PictureCamera {
  Pose world_from_cam{};  // x right, y down, z forward; m
  Intrinsics K{};         // pixels; (0, 0) is the centre of the top left pixel
  ImageSize size;

  // Whether all numbers are finite and the focal lengths are not 0.
  bool known() const;
  // The same camera for a copy of its picture of another size.
  PictureCamera resized(ImageSize copy) const;
};

// Lines are cut off where they come nearer to the camera's plane than this, m.
inline constexpr double kNearPlane = 0.05;

// The part of a line within a rectangle from (0, 0) to (width, height); nothing where it misses it.
std::optional<Path> clip_line(Point2 from, Point2 to, double width, double height);

// The 12 edges of a box as lines on the canvas of the picture, cut at the near plane and at the
// picture's border; edges that are not in view are left out. Nothing hides a box. Throws InputError
// where the pose has no inverse.
std::vector<Path> box_lines(const Box& box, const PictureCamera& camera);

}  // namespace vega
