#include "vlm/picture_eyes.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"

namespace vega::vlm {
namespace {

// Pictures whose patches are on the device at a time.
constexpr std::int64_t kMostPictures = 32;

// The type of tower and Wan. They have no float64, in which tests compute what trains.
at::ScalarType frozen_type(const Placement& placement) {
  return placement.dtype == at::kDouble ? at::kFloat : placement.dtype;
}

double bytes_of(const PictureEyes::Seen& seen) {
  double out = static_cast<double>(seen.tokens.nbytes());
  if (seen.features.defined()) out += static_cast<double>(seen.features.nbytes());
  return out;
}

PictureEyes::Seen moved(const PictureEyes::Seen& seen, at::Device device) {
  return {seen.tokens.to(device),
          seen.features.defined() ? seen.features.to(device) : at::Tensor()};
}

}  // namespace

PictureEyes::PictureEyes(const VlmCheckpoint& c, const TrainModelOptions& options)
    : placement_(options.placement), bytes_(options.seen_bytes) {
  const qwen2_5_vl::Checkpoint& model = c.pictures->model;
  model.check_finite();
  const at::ScalarType type = frozen_type(placement_);
  tower_.emplace(model.tower, model.config.vision,
                 qwen2_5_vl::Tower::Options{placement_.device, type});
  if (!c.config.generative) return;
  BranchOptions branch = options.branch;
  branch.placement = {placement_.device, type};
  BranchSource source = find_branch(model, branch);
  source.settings = c.pictures->settings;
  log_info("generative branch: {}; block {}, timestep {}, shift {:g}, {}", source.text,
           source.settings.block, source.settings.timestep, source.settings.shift,
           to_string(source.settings.size));
  wan_.emplace(std::move(source), branch, c.modules.merger->in);
}

PictureEyes::Seen PictureEyes::compute(const SceneInput& scene) const {
  const c10::NoGradGuard no_grad;
  if (!scene.patches.defined() || wan_.has_value() != scene.wan_pixels.defined())
    throw InputError(explain("scene " + scene.key, "no pictures as this model reads them",
                             "patches, and pixels for Wan where there is a generative branch"));
  const auto [rows, columns] = scene.grid;
  std::vector<at::Tensor> tokens;
  for (std::int64_t first = 0; first < scene.patches.size(0); first += kMostPictures) {
    const std::int64_t count = std::min(kMostPictures, scene.patches.size(0) - first);
    const at::Tensor patches = scene.patches.narrow(0, first, count).to(placement_.device);
    tokens.push_back(tower_->forward(patches, rows, columns).unflatten(1, {rows, columns}));
  }
  Seen out;
  out.tokens = at::cat(tokens).to(placement_.dtype);
  if (wan_) out.features = wan_->of(scene.key, scene.frame_ids, scene.wan_pixels);
  return out;
}

PictureEyes::Seen PictureEyes::look(const SceneInput& scene) const {
  const auto found = std::ranges::find(kept_, scene.key, &std::pair<std::string, Seen>::first);
  if (found != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, found);
    return moved(kept_.front().second, placement_.device);
  }
  const Seen seen = compute(scene);
  if (bytes_of(seen) <= bytes_) {
    kept_.emplace_front(scene.key, moved(seen, at::kCPU));
    held_ += bytes_of(seen);
    for (; held_ > bytes_; kept_.pop_back()) held_ -= bytes_of(kept_.back().second);
  }
  return moved(seen, placement_.device);
}

}  // namespace vega::vlm
