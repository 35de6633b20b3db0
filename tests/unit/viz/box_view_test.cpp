#include "viz/box_view.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <catch2/catch.hpp>

#include "base/error.h"

using namespace vega;

namespace {

// A camera by Euler angles, written out.
PictureCamera camera_at(double x, double y, double z, double yaw, double pitch) {
  const double c = std::cos(yaw), s = std::sin(yaw), p = std::cos(pitch), q = std::sin(pitch);
  // Columns: right, down, forward.
  const double r[3] = {s, -c, 0}, f[3] = {c * p, s * p, q};
  const double d[3] = {f[1] * r[2] - f[2] * r[1], f[2] * r[0] - f[0] * r[2],
                       f[0] * r[1] - f[1] * r[0]};
  PictureCamera out;
  out.world_from_cam = {r[0], d[0], f[0], x, r[1], d[1], f[1], y, r[2], d[2], f[2], z, 0, 0, 0, 1};
  out.K = {300, 0, 159.5, 0, 310, 119.5, 0, 0, 1};
  out.size = {320, 240};
  return out;
}

// Whether a point is in front of the camera and in its picture, and where: the transposed rotation
// by loops, in double.
bool seen_at(const PictureCamera& camera, const double world[3], Point2& at) {
  double cam[3] = {};
  for (int k = 0; k < 3; ++k)
    for (int i = 0; i < 3; ++i)
      cam[k] += camera.world_from_cam[std::size_t(4 * i + k)] *
                (world[i] - camera.world_from_cam[std::size_t(4 * i + 3)]);
  if (cam[2] < kNearPlane) return false;
  at.x = camera.K[0] * cam[0] / cam[2] + camera.K[2] + 0.5;
  at.y = camera.K[4] * cam[1] / cam[2] + camera.K[5] + 0.5;
  return at.x >= 0 && at.y >= 0 && at.x <= camera.size.width && at.y <= camera.size.height;
}

double distance(Point2 p, const Path& line) {
  const double dx = line[1].x - line[0].x, dy = line[1].y - line[0].y;
  const double length = dx * dx + dy * dy;
  double t = length > 0 ? ((p.x - line[0].x) * dx + (p.y - line[0].y) * dy) / length : 0;
  t = std::clamp(t, 0.0, 1.0);
  return std::hypot(p.x - line[0].x - t * dx, p.y - line[0].y - t * dy);
}

double nearest(Point2 p, const std::vector<Path>& lines) {
  double out = 1e30;
  for (const Path& line : lines) out = std::min(out, distance(p, line));
  return out;
}

}  // namespace

TEST_CASE("lines of a box are where its edges project to, and nowhere else") {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> place(-2, 2), turn(-3, 3), extent(0.1, 2.5);
  int cut = 0, whole = 0, none = 0;
  for (int round = 0; round < 300; ++round) {
    const PictureCamera camera =
        camera_at(place(random), place(random), place(random), turn(random), turn(random) / 3);
    Box box{};
    for (std::size_t k = 0; k < 3; ++k) {
      box[k] = float(place(random));
      box[3 + k] = float(extent(random));
      if (round % 2 == 1) {  // straight ahead, whole in view
        box[k] = float(camera.world_from_cam[4 * k + 3] + 5 * camera.world_from_cam[4 * k + 2]);
        box[3 + k] /= 2;
      }
    }
    const std::vector<Path> lines = box_lines(box, camera);
    CAPTURE(round, lines.size());
    (lines.empty() ? none : lines.size() < 12 ? cut : whole) += 1;
    for (const Path& line : lines) {
      REQUIRE(line.size() == 2);
      for (const Point2& p : line) {
        CHECK(p.x >= -1e-9);
        CHECK(p.y >= -1e-9);
        CHECK(p.x <= 320 + 1e-9);
        CHECK(p.y <= 240 + 1e-9);
      }
    }
    // Every edge, sampled: what is seen lies on a line.
    std::vector<Point2> samples;
    for (int axis = 0; axis < 3; ++axis) {
      for (int corner = 0; corner < 4; ++corner) {
        for (int i = 0; i <= 2000; ++i) {
          double world[3];
          const int u = (axis + 1) % 3, v = (axis + 2) % 3;
          const auto end = [&](int k, double t) {
            return double(box[std::size_t(k)]) + (t - 0.5) * double(box[std::size_t(3 + k)]);
          };
          world[axis] = end(axis, i / 2000.0);
          world[u] = end(u, corner & 1);
          world[v] = end(v, corner >> 1);
          Point2 at;
          if (seen_at(camera, world, at)) samples.push_back(at);
        }
      }
    }
    double worst = 0;
    for (const Point2& p : samples) worst = std::max(worst, nearest(p, lines));
    CHECK(worst < 1e-6);
    if (lines.size() > 0) CHECK(samples.size() > 0);
    // Ends of lines are near a sample: no line goes where no edge is seen. An edge close to the
    // camera's plane moves fast, so that samples are far apart there: 5 pixels.
    for (const Path& line : lines) {
      const double length = std::hypot(line[1].x - line[0].x, line[1].y - line[0].y);
      if (length < 5) continue;
      const Point2 middle{(line[0].x + line[1].x) / 2, (line[0].y + line[1].y) / 2};
      double best = 1e30;
      for (const Point2& p : samples)
        best = std::min(best, std::hypot(p.x - middle.x, p.y - middle.y));
      CHECK(best < 5);
    }
  }
  CHECK(cut > 20);
  CHECK(whole > 20);
  CHECK(none > 20);
}

TEST_CASE("a camera around the box sees edges on both sides, one that looks away sees none") {
  const Box box{3, 0, 0, 1, 1, 1};
  CHECK(box_lines(box, camera_at(0, 0, 0, 0, 0)).size() == 12);
  CHECK(box_lines(box, camera_at(0, 0, 0, 3.14159, 0)).empty());
  const auto inside = box_lines({0, 0, 0, 2, 2, 2}, camera_at(0, 0, 0, 0, 0));
  CHECK(inside.size() <= 8);
  // From an edge of the picture to another: a box that is larger than the view.
  for (const Path& line : inside)
    for (const Point2& p : line) CHECK((p.x >= 0 && p.x <= 320 && p.y >= 0 && p.y <= 240));
  PictureCamera flat = camera_at(0, 0, 0, 0, 0);
  flat.world_from_cam = {};
  CHECK_THROWS_AS(box_lines(box, flat), InputError);
}

TEST_CASE("a smaller copy of a picture has the lines of the picture, smaller") {
  const PictureCamera camera = camera_at(0.2, 0.1, 0.3, 0.3, -0.2);
  const PictureCamera half = camera.resized({160, 60});
  const Box box{2.5F, 0.4F, 0, 1, 0.5F, 1};
  const auto large = box_lines(box, camera), small = box_lines(box, half);
  REQUIRE(large.size() == small.size());
  REQUIRE_FALSE(large.empty());
  for (std::size_t i = 0; i < large.size(); ++i) {
    for (std::size_t k = 0; k < 2; ++k) {
      CHECK(small[i][k].x == Approx(large[i][k].x / 2).margin(1e-9));
      CHECK(small[i][k].y == Approx(large[i][k].y / 4).margin(1e-9));
    }
  }
}

TEST_CASE("lines are cut at the border of the picture") {
  const auto cut = clip_line({-10, 5}, {30, 5}, 20, 10);
  REQUIRE(cut);
  CHECK(((*cut)[0].x == 0 && (*cut)[1].x == 20));
  CHECK_FALSE(clip_line({-10, 5}, {-1, 5}, 20, 10));
  CHECK_FALSE(clip_line({-10, 0}, {30, 60}, 20, 10));
  CHECK_FALSE(clip_line({-5, 11}, {25, 11}, 20, 10));
  CHECK(clip_line({3, 3}, {3, 3}, 20, 10));
}

TEST_CASE("a camera with an unknown number is not known") {
  PictureCamera camera = camera_at(0, 0, 0, 0, 0);
  CHECK(camera.known());
  camera.K[2] = std::nan("");
  CHECK_FALSE(camera.known());
}
