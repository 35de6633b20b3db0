// What a model in training sees of pictures: tokens of its tower, which stays frozen, and Wan's
// features of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "models/qwen2_5_vl/tower.h"
#include "vlm/checkpoint.h"
#include "vlm/generative_branch.h"
#include "vlm/scene.h"
#include "vlm/train_model.h"

namespace vega::vlm {

// For one thread at a time.
class PictureEyes {
 public:
  struct Seen {
    at::Tensor tokens;    // (V, gh, gw, H) of the compute type
    at::Tensor features;  // (V, h, w, C) float32; undefined: there is no generative branch
  };

  // Reads the weights of the tower and, where there is a branch, of Wan, but for those of which
  // scenes have what they make (options.stored_*): these are read when a scene lacks it.
  // `checkpoint` outlives it. Throws InputError, FormatError, DeviceError.
  PictureEyes(const VlmCheckpoint& checkpoint, const TrainModelOptions& options);

  // On the placement's device, without gradient. What was seen last is kept, by the scene's key, as
  // much as fits options.seen_bytes: it changes no number. Throws InputError (no pictures).
  Seen look(const SceneInput& scene) const;
  // The same anew, without keeping it. Throws likewise, and what the constructor throws.
  Seen compute(const SceneInput& scene) const;

 private:
  const qwen2_5_vl::Tower& tower() const;
  const BranchFeatures& wan() const;

  const VlmCheckpoint& checkpoint_;
  Placement placement_;
  BranchOptions branch_;
  mutable std::optional<qwen2_5_vl::Tower> tower_;
  mutable std::optional<BranchFeatures> wan_;
  double bytes_ = 0;
  mutable std::list<std::pair<std::string, Seen>> kept_;  // on the CPU; used last first
  mutable double held_ = 0;
};

}  // namespace vega::vlm
