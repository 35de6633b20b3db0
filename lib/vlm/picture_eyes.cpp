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
    : checkpoint_(c),
      placement_(options.placement),
      branch_(options.branch),
      bytes_(options.seen_bytes) {
  branch_.placement = {placement_.device, frozen_type(placement_)};
  if (!options.stored_semantic) tower();
  if (c.config.generative && !options.stored_generative) wan();
}

const qwen2_5_vl::Tower& PictureEyes::tower() const {
  if (!tower_) {
    const qwen2_5_vl::Checkpoint& model = checkpoint_.pictures->model;
    model.check_finite();
    tower_.emplace(model.tower, model.config.vision,
                   qwen2_5_vl::Tower::Options{branch_.placement.device, branch_.placement.dtype});
  }
  return *tower_;
}

const BranchFeatures& PictureEyes::wan() const {
  if (!wan_) {
    BranchSource source = find_branch(checkpoint_.pictures->model, branch_);
    source.settings = checkpoint_.pictures->settings;
    log_info("generative branch: {}; block {}, timestep {}, shift {:g}, {}", source.text,
             source.settings.block, source.settings.timestep, source.settings.shift,
             to_string(source.settings.size));
    wan_.emplace(std::move(source), branch_, checkpoint_.modules.merger->in);
  }
  return *wan_;
}

PictureEyes::Seen PictureEyes::compute(const SceneInput& scene) const {
  const c10::NoGradGuard no_grad;
  const bool fuses = checkpoint_.config.generative;
  const bool stored = scene.semantic.defined(), stored_wan = scene.generative.defined();
  if ((!stored && !scene.patches.defined()) ||
      (fuses && !stored_wan && !scene.wan_pixels.defined()))
    throw InputError(explain("scene " + scene.key, "no pictures as this model reads them",
                             "patches, and pixels for Wan where there is a generative branch"));
  Seen out;
  if (stored) {
    out.tokens = scene.semantic.to(placement_.device, placement_.dtype);
  } else {
    const auto [rows, columns] = scene.grid;
    std::vector<at::Tensor> tokens;
    for (std::int64_t first = 0; first < scene.patches.size(0); first += kMostPictures) {
      const std::int64_t count = std::min(kMostPictures, scene.patches.size(0) - first);
      const at::Tensor patches = scene.patches.narrow(0, first, count).to(placement_.device);
      tokens.push_back(tower().forward(patches, rows, columns).unflatten(1, {rows, columns}));
    }
    out.tokens = at::cat(tokens).to(placement_.dtype);
  }
  if (fuses)
    out.features = stored_wan ? scene.generative.to(placement_.device)
                              : wan().of(scene.noise_key.empty() ? scene.key : scene.noise_key,
                                         scene.frame_ids, scene.wan_pixels);
  return out;
}

PictureEyes::Seen PictureEyes::look(const SceneInput& scene) const {
  const bool computes =
      !scene.semantic.defined() || (checkpoint_.config.generative && !scene.generative.defined());
  if (!computes) return moved(compute(scene), placement_.device);
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
