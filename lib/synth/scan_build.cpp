#include <algorithm>
#include <cmath>
#include <map>

#include "base/philox.h"
#include "synth/room_model.h"
#include "synth/scan.h"

namespace vega {
namespace {

using room::Solid;
using room::Vec3;

constexpr double kVertices = 20000;  // aimed at
constexpr int kTile = 12;            // grid cells of a segment, along each side
constexpr double kReach = 0.03;      // m: how far around its object a mask errs

// Numbers from a counter that runs on; one such stream a purpose.
class Draw {
 public:
  Draw(std::uint64_t seed, std::uint32_t purpose) : key_(philox_key(seed)), purpose_(purpose) {}
  double unit() {
    const std::uint32_t lane = count_ % 4;
    if (lane == 0) block_ = philox4x32({count_ / 4, purpose_, 0x7363616e, 0}, key_);
    ++count_;
    return philox_unit(block_[lane]);
  }
  int below(int n) { return std::min(n - 1, static_cast<int>(unit() * n)); }

 private:
  PhiloxKey key_;
  std::uint32_t purpose_, count_ = 0;
  PhiloxCounter block_{};
};

// Rotations with finite decimals: cosine and sine of Pythagorean triples. Shifts in 1/64 m.
scan::Matrix4 make_alignment(std::uint64_t seed) {
  constexpr double kTurns[][2] = {{0.8, 0.6}, {0.28, 0.96}, {0.936, 0.352}, {0.5376, 0.8432}};
  Draw draw(seed, 0);
  const auto& turn = kTurns[draw.below(4)];
  const bool swap = draw.below(2) != 0;
  const double c = turn[swap] * (draw.below(2) != 0 ? 1 : -1);
  const double s = turn[!swap] * (draw.below(2) != 0 ? 1 : -1);
  const auto shift = [&](int range) { return (draw.below(2 * range + 1) - range) / 64.0; };
  const double x = shift(192), y = shift(192), z = shift(32);
  return {c, -s, 0, x, s, c, 0, y, 0, 0, 1, z, 0, 0, 0, 1};
}

scan::Point3f to_scan(const scan::Matrix4& m, Vec3 p) {
  const double x = p.x - m[3], y = p.y - m[7], z = p.z - m[11];
  return {static_cast<float>(m[0] * x + m[4] * y), static_cast<float>(m[1] * x + m[5] * y),
          static_cast<float>(z)};
}

double to_srgb(double linear) {
  const double v = std::clamp(linear, 0.0, 1.0);
  return v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055;
}

// The surface point that lies farthest along the unit vector `d`, local coordinates.
Vec3 utmost(const Solid& s, Vec3 d) {
  const auto sign = [](double v) { return v < 0 ? -1.0 : 1.0; };
  const Vec3 corner{sign(d.x), sign(d.y), sign(d.z)};
  const double flat = room::norm(d.x, d.y);
  const Vec3 rim = flat > 0 ? Vec3{d.x / flat, d.y / flat, 0} : Vec3{1, 0, 0};
  switch (s.shape) {
    case room::Shape::kBox: return corner * s.size;
    case room::Shape::kRoundBox:
      return corner * (s.size - Vec3{s.round, s.round, s.round}) + d * s.round;
    case room::Shape::kEllipsoid: return s.size * s.size * d * (1 / length(s.size * d));
    case room::Shape::kTorus: return rim * s.size.x + d * s.size.y;
    case room::Shape::kFrustum: {
      const Vec3 low = rim * s.size.x - Vec3{0, 0, s.size.z};
      const Vec3 high = rim * s.size.y + Vec3{0, 0, s.size.z};
      return dot(high, d) > dot(low, d) ? high : low;
    }
  }
  return {};
}

class ScanBuilder {
 public:
  ScanBuilder(const Room& from, ScanFrame frame, MaskNoise noise)
      : model_(room::build_model(from.seed(), from.kind())), room_(from), noise_(noise) {
    model_.tree.build(model_.solids);
    if (frame == ScanFrame::kOwn) scan_.axis_align = make_alignment(from.seed());
    double area = 0;
    for (const Solid& solid : model_.solids) {
      for (int c = 0; c < chart_count(solid); ++c) {
        const auto size = chart_size(solid, c);
        area += size[0] * size[1];
      }
    }
    spacing_ = std::sqrt(area / kVertices);
  }

  RoomScan build() {
    for (const Solid& solid : model_.solids) {
      for (int c = 0; c < chart_count(solid); ++c) add_chart(solid, c);
    }
    for (const RoomObject& object : room_.objects()) add_utmost(object.id);
    add_strays();
    add_groups();
    add_masks();
    return std::move(scan_);
  }

 private:
  std::int32_t add_vertex(const Solid& solid, const room::SurfacePoint& point,
                          std::int32_t segment) {
    const auto index = static_cast<std::int32_t>(scan_.vertices.size());
    const auto uv = texture_uv(solid, point.position, point.normal);
    const Vec3 shade = albedo(model_.materials[solid.material], uv[0], uv[1], spacing_);
    std::array<std::uint8_t, 3> color;
    for (int a = 0; a < 3; ++a) {
      color[a] = static_cast<std::uint8_t>(std::lround(255 * to_srgb(shade[a])));
    }
    push(to_world(solid, point.position), color, segment < 0 ? index : segment, solid.object);
    return index;
  }

  void push(Vec3 world, std::array<std::uint8_t, 3> color, std::int32_t segment, int object) {
    scan_.vertices.push_back(to_scan(scan_.axis_align, world));
    scan_.colors.push_back(color);
    scan_.segments.push_back(segment);
    world_.push_back(world);
    object_.push_back(object);
  }

  // Open to the air of the room: a scanner sees neither joints nor the outside of the walls.
  bool open(const Solid& solid, const room::SurfacePoint& point) const {
    const Vec3 p = to_world(solid, point.position) + solid.axes * point.normal * 2e-3;
    return std::abs(p.x) < model_.half_x && std::abs(p.y) < model_.half_y && p.z > 0 &&
           p.z < model_.height && !model_.tree.inside(p);
  }

  void add_chart(const Solid& solid, int chart) {
    const auto size = chart_size(solid, chart);
    const int nu = std::max(2, static_cast<int>(std::lround(size[0] / spacing_)) + 1);
    const int nv = std::max(2, static_cast<int>(std::lround(size[1] / spacing_)) + 1);
    std::vector<std::int32_t> index(static_cast<std::size_t>(nu) * nv, -1);
    std::map<std::pair<int, int>, std::int32_t> tiles;
    const auto jitter = [&](int i, int n) {
      const double shift = i > 0 && i < n - 1 ? (grid_.unit() - 0.5) / 2 : 0;
      return (i + shift) / (n - 1);
    };
    for (int j = 0; j < nv; ++j) {
      for (int i = 0; i < nu; ++i) {
        const double u = jitter(i, nu), v = jitter(j, nv);
        const auto point = chart_point(solid, chart, u, v);
        if (!open(solid, point)) continue;
        const auto [tile, fresh] = tiles.try_emplace({i / kTile, j / kTile}, -1);
        const auto at = add_vertex(solid, point, tile->second);
        if (fresh) tile->second = at;
        index[static_cast<std::size_t>(j) * nu + i] = at;
      }
    }
    for (int j = 0; j + 1 < nv; ++j) {
      for (int i = 0; i + 1 < nu; ++i) {
        const auto* q = &index[static_cast<std::size_t>(j) * nu + i];
        if (q[0] < 0 || q[1] < 0 || q[nu] < 0 || q[nu + 1] < 0) continue;
        scan_.faces.push_back({q[0], q[1], q[nu + 1]});
        scan_.faces.push_back({q[0], q[nu + 1], q[nu]});
      }
    }
  }

  // The six points at which the object touches its box.
  void add_utmost(int object) {
    std::int32_t segment = -1;
    for (int side = 0; side < 6; ++side) {
      Vec3 d;
      d[side / 2] = side % 2 == 0 ? 1 : -1;
      const Solid* best = nullptr;
      Vec3 farthest;
      for (const Solid& solid : model_.solids) {
        if (solid.object != object) continue;
        const Vec3 local = utmost(solid, solid.axes.transposed(d));
        if (best && dot(to_world(solid, local), d) <= dot(to_world(*best, farthest), d)) continue;
        best = &solid, farthest = local;
      }
      if (!best) return;
      const auto at = add_vertex(*best, {farthest, best->axes.transposed(d)}, segment);
      if (segment < 0) segment = at;
    }
  }

  void add_strays() {
    Draw draw(room_.seed(), 2);
    for (std::size_t left = scan_.vertices.size() / 100; left > 0; --left) {
      const Vec3 world{(2 * draw.unit() - 1) * model_.half_x, (2 * draw.unit() - 1) * model_.half_y,
                       draw.unit() * model_.height};
      push(world, {128, 128, 128}, static_cast<std::int32_t>(scan_.vertices.size()), -1);
    }
  }

  void add_groups() {
    for (const RoomObject& object : room_.objects()) {
      scan_.groups.push_back({.object_id = object.id, .label = object.label});
    }
    for (std::size_t i = 0; i < object_.size(); ++i) {  // the first vertex of a segment names it
      if (object_[i] < 0 || scan_.segments[i] != static_cast<std::int32_t>(i)) continue;
      scan_.groups[object_[i]].segments.push_back(static_cast<std::int32_t>(i));
    }
  }

  RoomMask mask_of(const std::vector<std::int32_t>& objects, double score, Draw& draw) const {
    RoomMask mask{.objects = objects, .score = static_cast<float>(score)};
    const bool exact = noise_ == MaskNoise::kExact;
    const auto is_in = [&](std::size_t i) {
      return std::find(objects.begin(), objects.end(), object_[i]) != objects.end();
    };
    room::Box3 box;
    for (const std::int32_t id : objects) {
      const RoomObject& object = room_.objects()[id];
      box.add({room::vec(object.box_min), room::vec(object.box_max)});
    }
    for (std::size_t i = 0; i < object_.size(); ++i) {
      bool taken = is_in(i) && (exact || draw.unit() < 0.95);
      if (!is_in(i) && !exact) {
        const Vec3 gap = max(max(box.lo - world_[i], world_[i] - box.hi), Vec3{});
        taken = std::max({gap.x, gap.y, gap.z}) < kReach && draw.unit() < 0.1;
      }
      if (taken) mask.vertices.push_back(static_cast<std::int32_t>(i));
    }
    return mask;
  }

  // What a detector finds: the furniture, one in ten missed, and one pair taken for one thing.
  void add_masks() {
    Draw draw(room_.seed(), 3);
    const bool exact = noise_ == MaskNoise::kExact;
    std::vector<std::int32_t> found;
    for (const RoomObject& object : room_.objects()) {
      const bool shell = object.label == "wall" || object.label == "floor" ||
                         object.label == "ceiling" || object.label == "skirting board";
      if (!shell && (exact || draw.unit() >= 0.1)) found.push_back(object.id);
    }
    for (const std::int32_t id : found) {
      scan_.masks.push_back(mask_of({id}, 0.4 + 0.6 * draw.unit(), draw));
    }
    if (found.size() > 1 && !exact) scan_.masks.push_back(mask_of({found[0], found[1]}, 0.3, draw));
    std::stable_sort(scan_.masks.begin(), scan_.masks.end(),
                     [](const RoomMask& a, const RoomMask& b) { return a.score > b.score; });
  }

  room::Model model_;
  const Room& room_;
  MaskNoise noise_;
  double spacing_ = 0.05;
  Draw grid_{model_.seed, 1};
  RoomScan scan_;
  std::vector<Vec3> world_;           // P, room frame, before rounding
  std::vector<std::int32_t> object_;  // P, -1: none
};

}  // namespace

std::span<const Choice<MaskNoise>> mask_noises() {
  static constexpr Choice<MaskNoise> kNoises[] = {
      {MaskNoise::kNoisy, "noisy", "as a detector's: ragged, some objects missed"},
      {MaskNoise::kExact, "exact", "the vertices of every object"}};
  return kNoises;
}

RoomScan scan_room(const Room& room, ScanFrame frame, MaskNoise noise) {
  return ScanBuilder(room, frame, noise).build();
}

Pose scan_pose(const RoomScan& scan, const Pose& pose) {
  const auto& a = scan.axis_align;
  Pose out{};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < 3; ++k) {
        out[4 * i + j] += a[4 * k + i] * (pose[4 * k + j] - (j == 3 ? a[4 * k + 3] : 0));
      }
    }
  }
  out[15] = 1;
  return out;
}

}  // namespace vega
