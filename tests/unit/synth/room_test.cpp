// The synthetic room: exact geometry, deterministic pictures, a walk that a hand could make.
#include "synth/room.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "base/error.h"
#include "synth/room_model.h"

namespace vega {
namespace {

constexpr int kWidth = 96, kHeight = 72;

// One room for all cases, so that its light is computed once.
const Room& shared_room() {
  static const Room room(42);
  return room;
}

double distance(const RoomPoint& a, const RoomPoint& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

RoomPoint eye(const Pose& p) { return {p[3], p[7], p[11]}; }

// Angle of the rotation between two poses, degrees.
double turn(const Pose& a, const Pose& b) {
  double trace = 0;
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) trace += a[4 * r + c] * b[4 * r + c];
  }
  return std::acos(std::clamp((trace - 1) / 2, -1.0, 1.0)) * 180 / room::kPi;
}

}  // namespace

TEST_CASE("room: pictures do not depend on threads, rooms do on seeds", "[room]") {
  const Room one(42), other(43);
  one.light(1);
  const Pose pose = one.walk(32)[5];
  const RoomView a = one.render(pose, kWidth, kHeight, 1);
  const RoomView b = shared_room().render(pose, kWidth, kHeight, 3);
  CHECK(a.color.rgb == b.color.rgb);
  CHECK(a.depth_mm.v == b.depth_mm.v);
  CHECK(a.object_id == b.object_id);
  CHECK(one.walk(32) == shared_room().walk(32));
  CHECK(one.walk(32) != other.walk(32));
  bool same = one.objects().size() == other.objects().size();
  for (std::size_t i = 0; same && i < one.objects().size(); ++i) {
    same = one.objects()[i].box_min == other.objects()[i].box_min;
  }
  CHECK_FALSE(same);
}

TEST_CASE("room: looks furnished: many things, many colours, all of them seen", "[room]") {
  const Room& room = shared_room();
  std::set<std::string> labels, seen;
  for (const RoomObject& o : room.objects()) {
    CHECK(o.id == &o - room.objects().data());
    labels.insert(o.label);
  }
  for (const char* wanted :
       {"floor", "ceiling", "wall", "window", "door", "rug", "picture", "sofa"}) {
    INFO(wanted);
    CHECK(labels.count(wanted) == 1);
  }
  CHECK(labels.size() >= 20);
  std::set<int> tones;
  for (const Pose& pose : room.walk(8)) {
    const RoomView view = room.render(pose, kWidth, kHeight, 2);
    for (const int id : view.object_id) {
      if (id >= 0) seen.insert(room.objects()[id].label);
    }
    double sum = 0;
    for (std::size_t i = 0; i < view.color.rgb.size(); i += 3) {
      const auto* p = &view.color.rgb[i];
      tones.insert((p[0] >> 5) << 6 | (p[1] >> 5) << 3 | p[2] >> 5);
      sum += p[0] + p[1] + p[2];
    }
    const double mean = sum / static_cast<double>(view.color.rgb.size());
    CHECK(mean > 70);
    CHECK(mean < 215);
  }
  CHECK(seen.size() >= 18);
  CHECK(tones.size() >= 60);
}

TEST_CASE("room: depth, poses and boxes are exact", "[room]") {
  const Room& room = shared_room();
  const RoomIntrinsics camera = Room::intrinsics(kWidth, kHeight);
  int checked = 0;
  for (const Pose& pose : room.walk(5)) {
    const RoomView view = room.render(pose, kWidth, kHeight, 2);
    for (int v = 0; v < kHeight; ++v) {
      for (int u = 0; u < kWidth; ++u) {
        const std::size_t at = static_cast<std::size_t>(v) * kWidth + u;
        const double depth = room.depth_at(pose, camera, u, v);
        REQUIRE((depth == 0) == (view.depth_mm.v[at] == 0));
        REQUIRE((depth == 0) == (view.object_id[at] < 0));
        if (depth == 0) continue;
        // Half a millimetre of rounding, and nothing else.
        REQUIRE(std::abs(view.depth_mm.v[at] / 1000.0 - depth) <= 0.5e-3 + 1e-12);
        const RoomPoint p = Room::unproject(pose, camera, u, v, depth);
        const RoomObject& o = room.objects()[view.object_id[at]];
        for (int a = 0; a < 3; ++a) {  // 1e-8: the torus is met to 1e-10, lengths are a few metres
          REQUIRE(p[a] >= o.box_min[a] - 1e-8);
          REQUIRE(p[a] <= o.box_max[a] + 1e-8);
        }
        const auto back = Room::project(pose, camera, p);
        REQUIRE(back);
        REQUIRE(std::abs((*back)[0] - u) < 1e-9);
        REQUIRE(std::abs((*back)[1] - v) < 1e-9);
        REQUIRE(std::abs((*back)[2] - depth) < 1e-10);
        ++checked;
      }
    }
  }
  CHECK(checked > 4 * kWidth * kHeight);
}

TEST_CASE("room: boxes are tight: every side is touched by the surface", "[room]") {
  for (const std::uint64_t seed : {1, 42, 99}) {
    const room::Model model = room::build_model(seed);
    for (const room::Solid& s : model.solids) {
      room::Box3 sampled;
      constexpr int kSteps = 64;
      for (int c = 0; c < room::chart_count(s); ++c) {
        for (int j = 0; j <= kSteps; ++j) {
          for (int i = 0; i <= kSteps; ++i) {
            const auto p = room::chart_point(s, c, double(i) / kSteps, double(j) / kSteps).position;
            const room::Vec3 w = room::to_world(s, p);
            sampled.add({w, w});
          }
        }
      }
      // A chart sampled every 1/64 of a turn misses an extreme by at most 1 - cos(pi / 64) = 0.0012
      // of the radius in either direction.
      const double slack = 0.0025 * length(s.bounds.hi - s.bounds.lo) + 1e-12;
      for (int a = 0; a < 3; ++a) {
        INFO("seed " << seed << " shape " << int(s.shape) << " of "
                     << model.objects[s.object].label);
        REQUIRE(sampled.lo[a] >= s.bounds.lo[a] - 1e-9);
        REQUIRE(sampled.hi[a] <= s.bounds.hi[a] + 1e-9);
        REQUIRE(sampled.lo[a] <= s.bounds.lo[a] + slack);
        REQUIRE(sampled.hi[a] >= s.bounds.hi[a] - slack);
      }
    }
  }
}

TEST_CASE("room: the nearest surface is the same with and without the tree", "[room]") {
  room::Model model = room::build_model(5);
  model.tree.build(model.solids);
  room::Dice dice(9);
  for (int i = 0; i < 3000; ++i) {
    const room::Vec3 from{dice.range(-1, 1), dice.range(-1, 1), dice.range(1.4, 1.6)};
    const room::Vec3 d{dice.range(-1, 1), dice.range(-1, 1), dice.range(-1, 1)};
    double best = -1;
    for (const room::Solid& s : model.solids) {
      const double t = room::intersect(s, {from, d}, 1e-6);
      if (t > 1e-6 && (best < 0 || t < best)) best = t;
    }
    const room::Hit hit = model.tree.nearest({from, d}, 1e-6, 1e6);
    REQUIRE(hit.t == best);
    if (hit.solid < 0) continue;
    // The point is on the surface: just outside on one side, inside on the other.
    const room::Solid& s = model.solids[hit.solid];
    const room::Vec3 p = from + d * hit.t, n = s.axes * room::local_normal(s, to_local(s, p));
    CHECK(dot(n, d) <= 1e-9);
    CHECK_FALSE(room::contains(s, p + n * 1e-6));
    CHECK(room::contains(s, p - n * 1e-6));
  }
}

TEST_CASE("room: correspondences between frames", "[room]") {
  const Room& room = shared_room();
  const RoomIntrinsics camera = Room::intrinsics(kWidth, kHeight);
  const auto poses = room.walk(40);
  int shared = 0, hidden = 0;
  for (const auto& [a, b] : {std::pair{0, 1}, {0, 4}, {10, 14}, {20, 23}, {33, 38}}) {
    for (int v = 1; v < kHeight; v += 3) {
      for (int u = 1; u < kWidth; u += 3) {
        const double depth = room.depth_at(poses[a], camera, u, v);
        if (depth == 0) continue;
        const RoomPoint p = Room::unproject(poses[a], camera, u, v, depth);
        REQUIRE(room.visible(p, poses[a], camera));
        const auto spot = Room::project(poses[b], camera, p);
        const bool sees = room.visible(p, poses[b], camera);
        if (!sees) {
          ++hidden;
          continue;
        }
        // The ray of the other frame through the same point meets something no nearer than the
        // tolerance of 1 mm before it; never anything behind it, for the point is on a surface.
        const double there = room.depth_at(poses[b], camera, (*spot)[0], (*spot)[1]);
        REQUIRE(there > 0);
        REQUIRE(std::abs(there - (*spot)[2]) < 2e-3);
        ++shared;
      }
    }
  }
  CHECK(shared > 1500);
  CHECK(hidden > 50);
}

TEST_CASE("room: the walk is smooth, level and free of solids", "[room]") {
  for (const std::uint64_t seed : {0, 1, 2, 3, 7, 42, 1234}) {
    INFO("seed " << seed);
    const Room room(seed);
    constexpr int kFrames = 320;
    const auto poses = room.walk(kFrames);
    REQUIRE(poses.size() == kFrames);
    double travelled = 0;
    for (int i = 0; i < kFrames; ++i) {
      const Pose &p = poses[i], &q = poses[(i + 1) % kFrames];  // the loop is closed
      REQUIRE(eye(p)[2] >= 1.4);
      REQUIRE(eye(p)[2] <= 1.6);
      REQUIRE_FALSE(room.inside_solid(eye(p)));
      REQUIRE(room.clearance(eye(p)) > 0.25);
      REQUIRE(distance(eye(p), eye(q)) < 0.06);
      REQUIRE(turn(p, q) < 4);
      travelled += distance(eye(p), eye(q));
      for (int r = 0; r < 3; ++r) {  // orthonormal, right-handed
        for (int c = 0; c < 3; ++c) {
          const double dot =
              p[4 * r] * p[4 * c] + p[4 * r + 1] * p[4 * c + 1] + p[4 * r + 2] * p[4 * c + 2];
          REQUIRE(std::abs(dot - (r == c)) < 1e-12);
        }
      }
      REQUIRE(p[9] < -0.8);  // the picture's down is the world's down, nearly
    }
    CHECK(travelled > 3);
    CHECK(room.walk(32)[16] == room.walk(2)[1]);  // half way round, whatever the frame rate
  }
}

TEST_CASE("room: bad sizes are refused", "[room]") {
  CHECK_THROWS_AS(shared_room().walk(0), InputError);
  CHECK_THROWS_AS(Room::intrinsics(8, 480), InputError);
  CHECK_THROWS_WITH(Room::intrinsics(640, 9000), Catch::Contains("640x9000"));
  const RoomIntrinsics k = Room::intrinsics(640, 480);
  CHECK(2 * std::atan(0.5 * 640 / k.fx) * 180 / room::kPi == Approx(62));
}

}  // namespace vega
