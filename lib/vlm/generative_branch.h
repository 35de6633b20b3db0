// The generative branch beside Qwen2.5-VL's tower: Wan looks at the frames, and what it makes of
// them is fused with the tower's tokens. As VEGA-3D's spatial-reasoning release has it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "base/json.h"
#include "fusion/spatial.h"
#include "fusion/spatial_fusion.h"
#include "models/backbone.h"
#include "models/qwen2_5_vl/checkpoint.h"
#include "models/qwen2_5_vl/preprocess.h"

namespace vega::vlm {

struct BranchOptions {
  Placement placement;
  // Folder of Wan2.1-T2V: its configuration and VAE, which no checkpoint of the release has. Empty:
  // that of `weights`, else the checkpoint's generative_encoder_path, where it is there.
  std::string model;
  std::string prompt;  // embedding of the empty text; empty: beside the model
  // Whose transformer: kCheckpointWeights, or a folder of Wan2.1-T2V, which then stands for `model`
  // too. Unset: the checkpoint's own where it has one, else the model's.
  std::optional<std::string> weights;
  bool bf16_latent_constants = false;
  std::uint64_t seed = 42;  // of the noise
};

// The name of the checkpoint's own transformer in BranchOptions::weights.
inline constexpr auto kCheckpointWeights = "checkpoint";

// Which transformer makes the features, and where the rest of Wan is.
struct BranchSource {
  SpatialSettings settings;
  std::filesystem::path model;    // the folder of Wan
  std::filesystem::path spatial;  // the checkpoint, where its own transformer is used; else empty
  std::string prompt;
  // One line: whose transformer, and whether it was trained.
  std::string text;
};

// Reads headers and a few tensors. Throws InputError (no folder of Wan; no transformer of its own),
// UsageError (two folders of Wan), FormatError.
BranchSource find_branch(const qwen2_5_vl::Checkpoint& checkpoint, const BranchOptions& options);

// Of the weights that make the features, without reading them into memory. Throws like find_branch.
std::string branch_fingerprint(const qwen2_5_vl::Checkpoint& checkpoint,
                               const BranchOptions& options);

// A frame as Wan is given it, of the size in the settings: what the tower's picture is made of,
// before it is resized to its bounds, made to cover that size and cut to its middle.
SignedImage branch_pixels(const ImageU8& frame, qwen2_5_vl::Preparation preparation,
                          ImageSize size);

// What the branch is given beside the tower's pictures, one of each a frame.
struct BranchFrames {
  std::vector<std::int64_t> ids;  // the noise hangs on them
  std::vector<SignedImage> pixels;
};

// Wan as the branch has it: what it makes of frames. For one thread at a time.
class BranchFeatures {
 public:
  // channels: that the merger takes. Reads the weights. Throws InputError, FormatError,
  // DeviceError.
  BranchFeatures(BranchSource source, const BranchOptions& options, std::int64_t channels);

  const BranchSource& source() const { return source_; }
  std::string fingerprint() const;

  // Wan's features of frames of a scene, (N, h, w, C) float32 on the CPU.
  at::Tensor of(const std::string& scene, const BranchFrames& frames) const;
  // The same of frames in one tensor, (N, 3, height, width) float32 in -1..1.
  at::Tensor of(const std::string& scene, const std::vector<std::int64_t>& ids,
                const at::Tensor& pixels) const;

 private:
  BranchOptions options_;
  BranchSource source_;
  std::unique_ptr<Backbone> backbone_;
};

// For one thread at a time.
class GenerativeBranch {
 public:
  // Reads the weights. Throws InputError, FormatError, DeviceError.
  GenerativeBranch(const qwen2_5_vl::Checkpoint& checkpoint, const BranchOptions& options);

  const BranchSource& source() const { return wan_.source(); }
  // What differs from the paper's setting; empty: nothing.
  std::string differences() const;

  // Wan's features of frames of a scene, (N, h, w, C) float32 on the CPU.
  at::Tensor features(const std::string& scene, const BranchFrames& frames) const {
    return wan_.of(scene, frames);
  }

  const SpatialFusion& modules() const { return modules_; }

  // For run.json.
  Json describe() const;

 private:
  GenerativeBranch(const FusionCheckpoint& modules, BranchSource source,
                   const BranchOptions& options);

  BranchOptions options_;
  SpatialFusion modules_;
  BranchFeatures wan_;
};

// The branch's modules and settings as the checkpoint has them. Throws InputError, FormatError.
FusionCheckpoint open_branch_modules(const qwen2_5_vl::Checkpoint& checkpoint);

}  // namespace vega::vlm
