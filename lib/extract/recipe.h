// Options with every default resolved: what the numbers of an output hang on.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "extract/options.h"
#include "media/view.h"
#include "models/backbone.h"
#include "scene/select.h"
#include "store/noise.h"

namespace vega::extract {

enum class NoiseKind { kV1, kZero, kStored };

struct Recipe {
  View view = View::kMllm;
  ImageSize size;
  std::vector<std::int64_t> blocks;       // ascending, distinct
  std::vector<std::int64_t> timesteps;    // ascending, distinct
  std::int64_t pool_h = 14, pool_w = 14;  // 0: native
  std::string pool_name;
  at::Device device{at::kCPU};
  DType compute = DType::kF32, store = DType::kBF16;
  bool bf16_constants = false;
  NoiseKind noise = NoiseKind::kV1;
  std::shared_ptr<const StoredNoise> stored_noise;
  Candidates folder_candidates, sens_candidates;
  SourceOptions source;  // how scenes are opened
  Selection selection;
  int threads = 1;
  std::int64_t batch = 1;   // frames a step on CUDA
  bool batch_auto = false;  // may be halved

  const Candidates& candidates(const SceneSource& source) const {
    return source.dialect == "sens" ? sens_candidates : folder_candidates;
  }

  // The options that change numbers of this scene, as canonical JSON. depth: size of its depth
  // images (center_crop takes its width from them). with_noise: the backbone takes noise. turned:
  // pictures are turned as their EXIF orientation says.
  std::string key_options(const FeatureOptions& options, const std::string& scene,
                          const SceneSource& source, ImageSize depth, bool with_noise,
                          bool turned = false) const;
};

// Throws UsageError.
Recipe resolve(const FeatureOptions& options);

BackboneOptions backbone_options(const FeatureOptions& options, const Recipe& recipe);

// <model>-<WxH>-<view>-<pool>, or what was asked for.
std::string tag_of(const FeatureOptions& options, const Recipe& recipe, const Backbone& backbone);

}  // namespace vega::extract
