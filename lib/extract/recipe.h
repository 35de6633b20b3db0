// What a run of `vega-extract features` does, with every default resolved. Below resolve() nothing
// reads the options.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
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

struct Recipe : FeatureSettings {
  std::int64_t block = 20, timestep = 300;  // the default tap is the one nearest to these
  double shift = 5;
  View view = View::kMllm;
  ImageSize size;
  PoolGrid pool;
  at::Device device{at::kCPU};
  DType compute = DType::kF32;
  bool bf16_constants = false;
  std::shared_ptr<const StoredNoise> stored_noise;  // of NoiseKind::kStored
  std::string root;  // scenes are ids below it; empty: they are paths
  bool thumbs = true;
  int threads = 1;
  std::int64_t batch = 1;   // frames a step on CUDA
  bool batch_auto = false;  // may be halved

  // The options that change numbers of this scene, as canonical JSON. depth: size of its depth
  // images (center_crop takes its width from them). with_noise: the backbone takes noise. turned:
  // pictures are turned as their EXIF orientation says.
  std::string key_options(const std::string& scene, const SceneSource& source, ImageSize depth,
                          bool with_noise, bool turned = false) const;

  BackboneOptions backbone_options() const;

  // OUT/TAG of the outputs; TAG is <model>-<WxH>-<view>-<pool> where none was asked for.
  std::filesystem::path folder_of(const Backbone& made) const;
};

// What the options leave open is what the model's record says (models/wan/record.h), else the
// released value. Throws UsageError (options that contradict each other), InputError (a run without
// a model), FormatError (stored noise, the record).
Recipe resolve(const FeatureOptions& options);

}  // namespace vega::extract
