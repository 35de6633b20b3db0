// A Qwen2.5-VL checkpoint on disk: read strictly, headers only.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/qwen2_5_vl/config.h"
#include "models/qwen2_5_vl/names.h"
#include "nn/named_tensors.h"
#include "weights/tensor_set.h"

namespace vega::qwen2_5_vl {

struct Checkpoint {
  std::filesystem::path folder;
  // Of the whole model: `folder`, but where a training changed some of its tensors.
  std::filesystem::path weights;
  Config config;
  Layout layout = kOriginal;
  WeightViews tower;                         // by their names in names.h; mapped
  std::vector<std::filesystem::path> files;  // configuration and weights
  TensorSet set;                             // keeps the mappings alive

  // Key of all tensors' names, shapes and values: equal for both layouts and every sharding.
  std::string fingerprint() const;
  // The same of the tower alone.
  std::string tower_fingerprint() const;

  // Throws FormatError (file, tensor, index) on NaN or infinity in the tower.
  void check_finite() const;
};

// Reads config.json and the headers of model*.safetensors. Every tensor must be the tower's or the
// decoder's, or, where config.json names one, the generative branch's, and all of tower and decoder
// must be there; the decoder's shapes are checked when it is made (qwen2::Decoder), the branch when
// it is opened (vlm/generative_branch.h). Throws InputError (nothing there; another model; tensors
// of a branch that config.json does not name, or that vega does not compute), FormatError (missing,
// unknown or misshapen tensors; names of both layouts).
Checkpoint open_checkpoint(const std::filesystem::path& folder);

}  // namespace vega::qwen2_5_vl
