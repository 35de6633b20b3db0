// What a checkpoint of VEGA-3D's spatial-reasoning release says about its generative branch: which
// features of Wan stand beside the tokens of Qwen2.5-VL's tower.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/image_types.h"
#include "fusion/checkpoint.h"
#include "weights/tensor_set.h"

namespace vega {

// The features: block (zero-based), timestep as asked, shift, size. The released scripts set none
// of them; what config.json leaves out has the default of the release's code, which is not the
// paper's setting.
struct SpatialSettings {
  std::int64_t block = 29;  // the last one where config.json names none, or -1
  std::int64_t timestep = 300;
  double shift = 5;
  ImageSize size{832, 480};
  std::int64_t own_blocks = 0;  // of the checkpoint's own transformer; 0: it has none
  // generative_encoder_path: the folder of Wan on the machine that trained. And the embedding of
  // the prompt. Relative ones are relative to a folder that nobody knows. Empty: not said.
  std::filesystem::path model, prompt;

  bool has_dit() const { return own_blocks > 0; }
  TrainedOn trained_on() const;
};

// config: config.json; one that is not there says nothing. `set` tells whether there is a
// transformer, and how many blocks it has (30 where there is none).
// Throws FormatError (a key of another kind; a block that is not there), InputError (another tower
// than Wan2.1-T2V, named: vega computes no other).
SpatialSettings read_spatial_settings(const std::filesystem::path& config, const TensorSet& set);

// How a branch differs from the setting that the paper describes: "block 29 (paper: 20); ...".
// Empty: in nothing. residual_scale: r of the fusion module, where it has one.
std::string differences_from_paper(const SpatialSettings& settings, const FusionConfig& fusion,
                                   double residual_scale);

}  // namespace vega
