#include "evaluate/show_scene.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/quantile.h"
#include "geometry/points.h"
#include "media/decode.h"
#include "scene/select.h"

namespace vega::evaluate {
namespace {

constexpr int kDotsAcross = 120;  // of the longer side of a depth map
constexpr float kBeside = 0.02F;  // m

// Every step-th pixel of a depth map, at most kDotsAcross along a side.
DepthPixels some_pixels(ImageSize size) {
  const int step = std::max(1, (std::max(size.width, size.height) + kDotsAcross - 1) / kDotsAcross);
  DepthPixels out;
  for (int x = step / 2; x < size.width; x += step) out.column.push_back(x);
  for (int y = step / 2; y < size.height; y += step) out.row.push_back(y);
  return out;
}

// Near is bright, far is dark, no depth is black.
ImageU8 shaded(const std::vector<std::uint16_t>& depth, ImageSize size) {
  std::vector<float> known;
  for (const std::uint16_t d : depth)
    if (d > 0) known.push_back(d);
  const double low = quantile(known, 0.01), high = quantile(known, 0.99);
  ImageU8 out(size.width, size.height);
  for (std::size_t i = 0; i < depth.size(); ++i) {
    if (depth[i] == 0) continue;
    const double t = high > low ? std::clamp((depth[i] - low) / (high - low), 0.0, 1.0) : 0.5;
    const auto grey = static_cast<std::uint8_t>(std::lround(235 - 190 * t));
    std::fill_n(out.rgb.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, grey);
  }
  return out;
}

bool finite(const Pose& pose) {
  return std::all_of(pose.begin(), pose.end(), [](double x) { return std::isfinite(x); });
}

std::array<std::uint8_t, 3> color_at_point(const ImageU8& picture,
                                           const std::optional<PictureCamera>& camera,
                                           const Pose& cam_from_world, const float* xyz,
                                           std::array<std::uint8_t, 3> otherwise) {
  if (!camera) return otherwise;
  const Point3 p = transform(cam_from_world, {xyz[0], xyz[1], xyz[2]});
  if (p[2] < kNearPlane) return otherwise;
  const auto x = std::lround(camera->K[0] * p[0] / p[2] + camera->K[2]);
  const auto y = std::lround(camera->K[4] * p[1] / p[2] + camera->K[5]);
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return otherwise;
  const std::uint8_t* pixel = picture.row(static_cast<int>(y)) + 3 * x;
  return {pixel[0], pixel[1], pixel[2]};
}

}  // namespace

ShownScene::ShownScene(const std::filesystem::path& file) : reader_(file) {
  frames_ = reader_.frames();
  if (reader_.has_objects(ObjectKind::kGt)) gt_ = reader_.objects(ObjectKind::kGt);
  if (reader_.has_objects(ObjectKind::kProposal))
    proposals_ = reader_.objects(ObjectKind::kProposal);
  for (std::size_t v = 0; v < frame_count(); ++v) {
    first_dot_.push_back(dots_.size());
    add_dots(v);
  }
  first_dot_.push_back(dots_.size());
}

ImageU8 ShownScene::picture(std::size_t frame) const {
  if (has_pictures())
    return decode_image(reader_.color_jpeg(frame), reader_.path().string() + ": picture");
  return shaded(reader_.depth(frame), {frames_.depth_width, frames_.depth_height});
}

std::optional<PictureCamera> ShownScene::camera(std::size_t frame) const {
  PictureCamera out;
  out.world_from_cam = frames_.world_from_cam[frame];
  if (has_pictures()) {
    out.K = frames_.K_color[frame];
    out.size = {frames_.size_color[frame][1], frames_.size_color[frame][0]};
  } else {
    out.K = frames_.K_depth[frame];
    out.size = {frames_.depth_width, frames_.depth_height};
  }
  return out.known() ? std::optional(out) : std::nullopt;
}

void ShownScene::add_dots(std::size_t frame) {
  const ImageSize size{frames_.depth_width, frames_.depth_height};
  PictureCamera sees{frames_.world_from_cam[frame], frames_.K_depth[frame], size};
  if (!sees.known()) return;
  ImageU16 depth(size.width, size.height);
  depth.v = reader_.depth(frame);
  const PointMap map = unproject(depth, sees.K, sees.world_from_cam, some_pixels(size));
  std::optional<PictureCamera> colours = has_pictures() ? camera(frame) : std::nullopt;
  ImageU8 picture;
  Pose cam_from_world{};
  if (colours) {
    picture = this->picture(frame);
    colours = colours->resized(picture.size());
    cam_from_world = inverse(colours->world_from_cam);
  }
  for (std::size_t i = 0; i < map.valid.size(); ++i) {
    const float* xyz = &map.xyz[3 * i];
    if (map.valid[i] == 0 || !std::isfinite(xyz[0] + xyz[1] + xyz[2])) continue;
    dots_.push_back({{xyz[0], xyz[1], xyz[2]},
                     color_at_point(picture, colours, cam_from_world, xyz, {150, 150, 150})});
  }
}

std::int64_t ShownScene::dots_in(std::size_t frame, const Box& box) const {
  std::int64_t out = 0;
  for (std::size_t i = first_dot_[frame]; i < first_dot_[frame + 1]; ++i) {
    bool inside = true;
    for (std::size_t k = 0; k < 3; ++k)
      inside = inside && std::abs(dots_[i].at[k] - box[k]) <= box[3 + k] / 2 + kBeside;
    out += inside ? 1 : 0;
  }
  return out;
}

std::vector<std::size_t> ShownScene::best_frames(std::span<const Box> boxes,
                                                 std::size_t count) const {
  std::vector<std::int64_t> seen(frame_count(), 0);
  std::vector<std::size_t> order;
  for (std::size_t v = 0; v < frame_count(); ++v) {
    if (!camera(v) || first_of_id(v) != v) continue;
    for (const Box& box : boxes) seen[v] += dots_in(v, box);
    if (seen[v] > 0) order.push_back(v);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return seen[a] > seen[b]; });
  order.resize(std::min(order.size(), count));
  return order;
}

std::size_t ShownScene::first_of_id(std::size_t frame) const {
  return static_cast<std::size_t>(
      std::find(frames_.id.begin(), frames_.id.end(), frames_.id[frame]) - frames_.id.begin());
}

std::vector<std::size_t> ShownScene::even_frames(std::size_t count) const {
  std::vector<std::size_t> once;
  for (std::size_t v = 0; v < frame_count(); ++v)
    if (first_of_id(v) == v) once.push_back(v);
  if (once.empty() || count == 0) return {};
  const auto all = static_cast<std::int64_t>(once.size());
  std::vector<std::size_t> out;
  for (const std::size_t i : uniform_indices(all, std::min(all, static_cast<std::int64_t>(count))))
    out.push_back(once[i]);
  return out;
}

std::vector<Point3> ShownScene::path() const {
  std::vector<Point3> out;
  for (const Pose& pose : frames_.world_from_cam)
    if (finite(pose)) out.push_back({pose[3], pose[7], pose[11]});
  return out;
}

std::optional<Box> ShownScene::object_box(ObjectKind kind, std::int64_t id) const {
  const auto& objects = kind == ObjectKind::kGt ? gt_ : proposals_;
  if (!objects) return std::nullopt;
  for (std::size_t n = 0; n < objects->id.size(); ++n)
    if (objects->id[n] == id) return objects->box[n];
  return std::nullopt;
}

std::string ShownScene::object_label(ObjectKind kind, std::int64_t id) const {
  const auto& objects = kind == ObjectKind::kGt ? gt_ : proposals_;
  if (!objects) return {};
  for (std::size_t n = 0; n < objects->id.size() && n < objects->label.size(); ++n)
    if (objects->id[n] == id) return objects->label[n];
  return {};
}

}  // namespace vega::evaluate
