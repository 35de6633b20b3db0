// The camera walk: an oval around the middle of the room at eye height, looking across it, with the
// slow drift and the small tremor of a hand.
#include "synth/room_model.h"

namespace vega::room {
namespace {

// A smooth periodic wobble in about [-1, 1]: four harmonics between `low` and `high` per loop.
double wobble(double phase, std::uint32_t salt, int low, int high) {
  double sum = 0;
  for (int k = 0; k < 4; ++k) {
    const int cycles = low + static_cast<int>(hash_unit(k, 1, salt) * (high - low + 1));
    sum += std::sin(2 * kPi * (cycles * phase + hash_unit(k, 2, salt))) * (0.4 - 0.06 * k);
  }
  return sum / 1.24;
}

Pose look(Vec3 eye, Vec3 target, double roll) {
  const Vec3 forward = normalized(target - eye);
  Vec3 right = normalized(cross(forward, {0, 0, 1}));
  Vec3 down = cross(forward, right);
  const double c = std::cos(roll), s = std::sin(roll);
  const Vec3 r = right * c + down * s, d = down * c - right * s;
  return {r.x, d.x, forward.x, eye.x, r.y, d.y, forward.y, eye.y,
          r.z, d.z, forward.z, eye.z, 0,   0,   0,         1};
}

struct Path {
  double radius_x, radius_y, start, turn;
  std::uint32_t salt;

  Vec3 eye(double phase) const {
    const double a = start + turn * 2 * kPi * phase;
    const double swell = 1 + 0.10 * wobble(phase, salt, 1, 3);
    return {radius_x * swell * std::cos(a) + 0.012 * wobble(phase, salt + 1, 7, 17),
            radius_y * swell * std::sin(a) + 0.012 * wobble(phase, salt + 2, 7, 17),
            1.5 + 0.075 * wobble(phase, salt + 3, 1, 4) + 0.012 * wobble(phase, salt + 4, 9, 19)};
  }
  Pose pose(double phase, const Model& m) const {
    const double a = start + turn * 2 * kPi * phase + kPi + 0.5 * wobble(phase, salt + 5, 1, 4);
    const Vec3 target{
        0.75 * m.half_x * std::cos(a) + 0.02 * wobble(phase, salt + 6, 7, 17),
        0.75 * m.half_y * std::sin(a) + 0.02 * wobble(phase, salt + 7, 7, 17),
        0.82 + 0.28 * wobble(phase, salt + 8, 1, 4) + 0.02 * wobble(phase, salt + 9, 7, 17)};
    return look(eye(phase), target, 0.025 * wobble(phase, salt + 10, 2, 9));
  }
};

}  // namespace

double clearance(const Model& m, Vec3 p) {
  double least = 1e30;
  for (const Solid& s : m.solids) {
    const Vec3 gap = max(max(s.bounds.lo - p, p - s.bounds.hi), Vec3{});
    least = std::min(least, length(gap));
  }
  return least;
}

std::vector<Pose> walk_poses(const Model& m, int frames) {
  const auto salt = hash_word(m.seed * 2 + 77);
  Path path{0.60 * m.half_x, 0.60 * m.half_y, 2 * kPi * hash_unit(1, 1, salt),
            hash_unit(2, 2, salt) < 0.5 ? -1.0 : 1.0, salt};
  // Shrink the oval until the whole loop, at any frame rate, keeps clear of every solid.
  for (int attempt = 0; attempt < 40; ++attempt) {
    double least = 1e30;
    for (int i = 0; i < 720; ++i) least = std::min(least, clearance(m, path.eye(i / 720.0)));
    if (least > 0.30) break;
    path.radius_x *= 0.96, path.radius_y *= 0.96;
  }
  std::vector<Pose> poses;
  for (int i = 0; i < frames; ++i) poses.push_back(path.pose(static_cast<double>(i) / frames, m));
  return poses;
}

}  // namespace vega::room
