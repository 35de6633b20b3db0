#include "synth/room.h"

#include <mutex>

#include "base/error.h"
#include "base/parallel.h"
#include "synth/room_model.h"
#include "synth/room_render.h"
#include "synth/scene.h"

namespace vega {

namespace {

int thread_count(int asked) { return asked > 0 ? asked : available_cores(); }

bool is_side(int pixels) { return pixels >= kSceneSide.least && pixels <= kSceneSide.most; }

}  // namespace

struct Room::State {
  State(std::uint64_t seed, RoomKind kind) : model(room::build_model(seed, kind)) {
    model.tree.build(model.solids);
  }
  room::Model model;
  room::LightMaps light;
  std::once_flag lit;
};

Room::Room(std::uint64_t seed, RoomKind kind) : state_(std::make_unique<State>(seed, kind)) {}
Room::~Room() = default;
Room::Room(Room&&) noexcept = default;
Room& Room::operator=(Room&&) noexcept = default;

std::uint64_t Room::seed() const { return state_->model.seed; }

RoomKind Room::kind() const { return state_->model.kind; }

const std::vector<RoomObject>& Room::objects() const { return state_->model.objects; }

std::vector<Pose> Room::walk(int frames) const {
  if (frames < 1) {
    throw InputError(explain("camera walk", std::to_string(frames) + " frames", "1 or more"));
  }
  return room::walk_poses(state_->model, frames);
}

RoomIntrinsics Room::intrinsics(int width, int height) {
  if (!is_side(width) || !is_side(height)) {
    throw InputError(explain(
        "room camera", std::to_string(width) + "x" + std::to_string(height),
        "sides of " + std::to_string(kSceneSide.least) + " to " + std::to_string(kSceneSide.most)));
  }
  const double focal = static_cast<float>(0.5 * width / std::tan(31.0 / 180 * room::kPi));
  return {focal, focal, (width - 1) / 2.0, (height - 1) / 2.0, width, height};
}

void Room::light(int threads) const {
  std::call_once(state_->lit, [&] { state_->light.bake(state_->model, thread_count(threads)); });
}

RoomView Room::render(const Pose& pose, int width, int height, int threads) const {
  light(threads);
  return room::render_view(state_->model, state_->light, pose, intrinsics(width, height),
                           thread_count(threads));
}

double Room::depth_at(const Pose& pose, const RoomIntrinsics& camera, double u, double v) const {
  const room::Hit hit = state_->model.tree.nearest(room::pixel_ray(pose, camera, u, v), 1e-6, 1e6);
  return hit.solid < 0 ? 0 : hit.t;
}

RoomPoint Room::unproject(const Pose& pose, const RoomIntrinsics& camera, double u, double v,
                          double depth) {
  const room::Ray ray = room::pixel_ray(pose, camera, u, v);
  return room::point(ray.origin + ray.direction * depth);
}

std::optional<std::array<double, 3>> Room::project(const Pose& p, const RoomIntrinsics& camera,
                                                   const RoomPoint& world) {
  const room::Vec3 r = room::vec(world) - room::Vec3{p[3], p[7], p[11]};
  const double x = p[0] * r.x + p[4] * r.y + p[8] * r.z;
  const double y = p[1] * r.x + p[5] * r.y + p[9] * r.z;
  const double z = p[2] * r.x + p[6] * r.y + p[10] * r.z;
  if (z <= 0) return std::nullopt;
  return std::array{camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy, z};
}

bool Room::visible(const RoomPoint& world, const Pose& pose, const RoomIntrinsics& camera,
                   double tolerance) const {
  const auto spot = project(pose, camera, world);
  if (!spot) return false;
  const auto [u, v, depth] = *spot;
  if (u < -0.5 || v < -0.5 || u > camera.width - 0.5 || v > camera.height - 0.5) return false;
  const double first = depth_at(pose, camera, u, v);
  if (first == 0) return true;
  // The gap along the ray, not along the axis.
  const room::Ray ray = room::pixel_ray(pose, camera, u, v);
  return (depth - first) * room::length(ray.direction) <= tolerance;
}

bool Room::inside_solid(const RoomPoint& p) const {
  return state_->model.tree.inside(room::vec(p));
}

double Room::clearance(const RoomPoint& p) const {
  return room::clearance(state_->model, room::vec(p));
}

}  // namespace vega
