#include "fuse/objects.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/dtype.h"
#include "base/error.h"
#include "base/json.h"
#include "geometry/patches.h"
#include "store/join.h"

namespace vega::fuse {
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

std::string name_of(ObjectMode mode) {
  return std::string(name_in<ObjectMode>(kObjectModes, mode));
}

ObjectMeans::ObjectMeans(const SceneReader& scene, ObjectKind kind, ObjectMode mode,
                         std::int64_t width)
    : scene_(scene),
      kind_(kind),
      mode_(mode),
      width_(width),
      objects_(scene.objects(kind)),
      frames_(scene.frame_count()) {
  const std::size_t count = objects_.id.size();
  sum_.assign(count * static_cast<std::size_t>(width), 0);
  count_.assign(count, 0);
  if (mode == ObjectMode::kPatch27) {
    geometry_ = scene_geometry(scene);
    scene_frames_ = scene.frames();
  }
  if (mode != ObjectMode::kPatch14) return;
  for (std::size_t n = 0; n < count; ++n) cells_.push_back(scene.cells(kind, n));
}

at::Tensor ObjectMeans::selection(std::size_t frame) const {
  const std::size_t count = objects_.id.size();
  if (mode_ == ObjectMode::kPatch14) {
    at::Tensor out = at::zeros({static_cast<std::int64_t>(count), kCellGrid * kCellGrid});
    float* selected = out.mutable_data_ptr<float>();
    for (std::size_t n = 0; n < count; ++n) {
      for (std::size_t c = 0; c < kCells27; ++c)
        selected[n * kCells27 + c] = cells_[n][frame * kCells27 + c] >= kObjectPixels14 ? 1 : 0;
    }
    return out;
  }
  const SceneFrames& frames = scene_frames_;
  const ImageU16 depth = depth_map(scene_, frames, frame);
  const PointMap map = unproject(depth, frames.K_depth[frame], frames.world_from_cam[frame],
                                 coordinate_grid(depth.size(), geometry_.view));
  const auto pixels = box_counts(map, objects_.box, kPatch27, geometry_.type, geometry_.zero);
  at::Tensor out = at::zeros({static_cast<std::int64_t>(count), kTokenGrid * kTokenGrid});
  float* selected = out.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < pixels.size(); ++i)
    selected[i] = pixels[i] >= kObjectPixels27 ? 1 : 0;
  return out;
}

void ObjectMeans::add(std::size_t frame, const at::Tensor& tokens) {
  if (objects_.id.empty()) return;
  const at::Tensor selected = selection(frame);
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
  out.id = objects_.id;
  out.box = objects_.box;
  out.mode = name_of(mode_);
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

}  // namespace vega::fuse
