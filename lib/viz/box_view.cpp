#include "viz/box_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "geometry/transform.h"

namespace vega {
namespace {

// Canvas place of a point in the camera's frame, z > 0.
Point2 project(const Intrinsics& K, const Point3& p) {
  return {(K[0] * p[0] + K[1] * p[1]) / p[2] + K[2] + 0.5, K[4] * p[1] / p[2] + K[5] + 0.5};
}

// The part of a line that is in front of the near plane.
bool cut_near(Point3& a, Point3& b) {
  if (a[2] < kNearPlane && b[2] < kNearPlane) return false;
  for (auto [behind, other] : {std::pair{&a, &b}, {&b, &a}}) {
    if ((*behind)[2] >= kNearPlane) continue;
    const double t = (kNearPlane - (*behind)[2]) / ((*other)[2] - (*behind)[2]);
    for (std::size_t k = 0; k < 3; ++k) (*behind)[k] += t * ((*other)[k] - (*behind)[k]);
    (*behind)[2] = kNearPlane;
  }
  return true;
}

}  // namespace

bool PictureCamera::known() const {
  const auto finite = [](double x) { return std::isfinite(x); };
  return std::all_of(world_from_cam.begin(), world_from_cam.end(), finite) &&
         std::all_of(K.begin(), K.end(), finite) && K[0] != 0 && K[4] != 0 && !size.empty();
}

PictureCamera PictureCamera::resized(ImageSize copy) const {
  PictureCamera out = *this;
  const double x = double(copy.width) / size.width, y = double(copy.height) / size.height;
  out.size = copy;
  out.K[0] *= x, out.K[1] *= x;
  out.K[4] *= y;
  out.K[2] = (K[2] + 0.5) * x - 0.5;
  out.K[5] = (K[5] + 0.5) * y - 0.5;
  return out;
}

std::optional<Path> clip_line(Point2 from, Point2 to, double width, double height) {
  const double dx = to.x - from.x, dy = to.y - from.y;
  if (!std::isfinite(dx) || !std::isfinite(dy)) return std::nullopt;
  double first = 0, last = 1;  // of the part within, along the line
  const std::array<std::array<double, 2>, 4> sides = {
      {{-dx, from.x}, {dx, width - from.x}, {-dy, from.y}, {dy, height - from.y}}};
  for (const auto& [towards, room] : sides) {
    if (towards == 0) {
      if (room < 0) return std::nullopt;
    } else if (towards < 0) {
      first = std::max(first, room / towards);
    } else {
      last = std::min(last, room / towards);
    }
  }
  if (!(first <= last)) return std::nullopt;
  return Path{{from.x + first * dx, from.y + first * dy}, {from.x + last * dx, from.y + last * dy}};
}

std::vector<Path> box_lines(const Box& box, const PictureCamera& camera) {
  const Pose cam_from_world = inverse(camera.world_from_cam);
  std::array<Point3, 8> seen = corners(box);
  for (Point3& corner : seen) corner = transform(cam_from_world, corner);
  std::vector<Path> out;
  for (std::size_t from = 0; from < seen.size(); ++from) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if ((from >> axis & 1) != 0) continue;  // the edge begins at its lower end
      Point3 a = seen[from], b = seen[from | std::size_t{1} << axis];
      if (!cut_near(a, b)) continue;
      if (auto line = clip_line(project(camera.K, a), project(camera.K, b), camera.size.width,
                                camera.size.height))
        out.push_back(std::move(*line));
    }
  }
  return out;
}

}  // namespace vega
