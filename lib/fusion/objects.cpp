#include "fusion/objects.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/dtype.h"
#include "base/error.h"
#include "base/json.h"
#include "geometry/patches.h"
#include "store/join.h"

namespace vega {
namespace {

constexpr std::size_t kCells27 = kCellGrid * kCellGrid;

}  // namespace

SceneGeometry scene_geometry(const SceneReader& scene) {
  const std::string where = scene.path().string() + ": options";
  const auto json = parse_json(scene.header().options_json).value_or(Json());
  const auto text = [&](const char* name) {
    if (json[name].text() == nullptr)
      throw FormatError(explain(where, std::string("no ") + name, "those of vega-extract scene",
                                "make the scene file again"));
    return *json[name].text();
  };
  try {
    return {text("view") == "center_crop" ? CoordinateView::kCenterCrop : CoordinateView::kResize,
            geometry_type_from_name(text("geometry")), zero_depth_from_name(text("zero_depth"))};
  } catch (const UsageError& error) {  // an unknown name: the file's, nobody's call
    throw FormatError(where + ": " + error.what());
  }
}

PointMap points_of(const SceneReader& scene, const SceneFrames& frames, std::size_t frame,
                   CoordinateView view) {
  const ImageU16 depth = depth_map(scene, frames, frame);
  return unproject(depth, frames.K_depth[frame], frames.world_from_cam[frame],
                   coordinate_grid(depth.size(), view));
}

std::string name_of(ObjectMode mode) {
  return std::string(name_in<ObjectMode>(kObjectModes, mode));
}

ObjectCells::ObjectCells(const SceneReader& scene, ObjectKind kind, ObjectMode mode,
                         const SceneGeometry& geometry)
    : scene_(scene), mode_(mode), objects_(scene.objects(kind)), geometry_(geometry) {
  if (mode == ObjectMode::kPatch14 && geometry == scene_geometry(scene)) {
    for (std::size_t n = 0; n < objects_.id.size(); ++n) counts_.push_back(scene.cells(kind, n));
  } else {
    frames_ = scene.frames();
  }
}

at::Tensor ObjectCells::of_frame(std::size_t frame) const {
  if (tests_points()) return of_points(points_of(scene_, frames_, frame, geometry_.view));
  const auto count = static_cast<std::int64_t>(objects_.id.size());
  at::Tensor out = at::empty({count, static_cast<std::int64_t>(kCells27)});
  float* selected = out.mutable_data_ptr<float>();
  for (const std::vector<std::uint8_t>& pixels : counts_) {
    for (std::size_t c = 0; c < kCells27; ++c)
      *selected++ = pixels[frame * kCells27 + c] >= kObjectPixels14 ? 1 : 0;
  }
  return out;
}

at::Tensor ObjectCells::of_points(const PointMap& map) const {
  const bool fine = mode_ == ObjectMode::kPatch14;
  const auto pixels =
      box_counts(map, objects_.box, fine ? kPatch14 : kPatch27, geometry_.type, geometry_.zero);
  at::Tensor out = at::empty({static_cast<std::int64_t>(objects_.id.size()),
                              static_cast<std::int64_t>(fine ? kCells27 : kTokenCells)});
  std::ranges::transform(pixels, out.mutable_data_ptr<float>(), [&](std::uint16_t count) {
    return count >= (fine ? kObjectPixels14 : kObjectPixels27) ? 1.0F : 0.0F;
  });
  return out;
}

ObjectMeans::ObjectMeans(const SceneReader& scene, ObjectKind kind, ObjectMode mode,
                         std::int64_t width)
    : cells_(scene, kind, mode, scene_geometry(scene)),
      width_(width),
      frames_(scene.frame_count()) {
  const std::size_t count = cells_.objects().id.size();
  sum_.assign(count * static_cast<std::size_t>(width), 0);
  count_.assign(count, 0);
}

void ObjectMeans::add(std::size_t frame, const at::Tensor& tokens) {
  if (cells_.objects().id.empty()) return;
  const at::Tensor selected = cells_.of_frame(frame);
  const at::Tensor sum =
      selected.to(tokens.device()).matmul(tokens.to(at::kFloat)).cpu().contiguous();
  const at::Tensor count = selected.sum(1).contiguous();
  Frame& out = frames_[frame];
  out.sum.assign(sum.const_data_ptr<float>(), sum.const_data_ptr<float>() + sum.numel());
  for (std::int64_t n = 0; n < count.numel(); ++n)
    out.count.push_back(static_cast<std::int64_t>(count.const_data_ptr<float>()[n]));
}

void ObjectMeans::settle(std::size_t end) {
  for (; settled_ < end; ++settled_) {
    Frame& frame = frames_[settled_];
    for (std::size_t i = 0; i < frame.sum.size(); ++i) sum_[i] += frame.sum[i];
    for (std::size_t n = 0; n < frame.count.size(); ++n) count_[n] += frame.count[n];
    frame = {};
  }
}

ObjectFeatures ObjectMeans::finish(bool round_bf16) {
  settle(frames_.size());
  ObjectFeatures out;
  out.id = cells_.objects().id;
  out.box = cells_.objects().box;
  out.mode = name_of(mode());
  const auto width = static_cast<std::size_t>(width_);
  for (std::size_t n = 0; n < out.id.size(); ++n) {
    for (std::size_t c = 0; c < width; ++c) {
      const double mean = count_[n] > 0 ? sum_[n * width + c] / static_cast<double>(count_[n]) : 0;
      const auto value = static_cast<float>(mean);
      out.feature.push_back(round_bf16 ? f32_from_bf16(bf16_from_f32(value)) : value);
    }
  }
  return out;
}

}  // namespace vega
