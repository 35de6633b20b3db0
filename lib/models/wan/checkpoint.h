// A Wan2.1-T2V checkpoint on disk, in either key layout, under canonical names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/wan/config.h"
#include "nn/named_tensors.h"
#include "weights/tensor_set.h"

namespace vega::wan {

struct Checkpoint {
  std::filesystem::path folder;
  std::string layout;                  // "original" or "diffusers"
  std::string dit_prefix, vae_prefix;  // before the names in the files, such as "state_dict."
  bool dit_elsewhere = false;  // the transformer is another checkpoint's, in the original layout
  DitConfig dit_config;
  VaeConfig vae_config;
  WeightViews dit, vae;                      // mapped, canonical names
  std::vector<std::filesystem::path> files;  // configuration and weights
  TensorSet dit_set, vae_set;                // keep the mappings alive

  // Key of names, shapes and values: equal for both layouts and every sharding. Remembered by path,
  // size and mtime, so that only the first call on new files reads them whole.
  std::string fingerprint() const;

  // Throws FormatError (file, tensor, index) on NaN or infinity in the VAE encoder or in what
  // blocks 0..last_block use.
  void check_finite(std::int64_t last_block) const;
};

// Tells the layouts apart by what the folder holds: config.json (original) or
// transformer/config.json (diffusers). Strict: missing, extra and misshapen tensors are errors that
// name them. Element types f32, f16 and bf16. One prefix before all names is taken off. Keys of the
// configuration that would make another network are refused, those that vega does not know are
// named in a warning. Reads headers only. Throws InputError, FormatError.
Checkpoint open_checkpoint(const std::filesystem::path& folder);

// Where a checkpoint of VEGA-3D's spatial-reasoning release has its own transformer, under the
// original names.
inline constexpr auto kSpatialDitPrefix = "generative_encoder.tower.model.";

// The same with the transformer that a checkpoint of the spatial-reasoning release holds beside its
// language model (model*.safetensors of `spatial`); `folder` gives config.json and the VAE, its own
// transformer is not looked at and need not be there.
Checkpoint open_checkpoint(const std::filesystem::path& folder,
                           const std::filesystem::path& spatial);

}  // namespace vega::wan
