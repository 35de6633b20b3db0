// A SigLIP vision tower on disk, alone or inside a language model's checkpoint, under canonical
// names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/siglip/config.h"
#include "nn/named_tensors.h"
#include "weights/fingerprint_memory.h"
#include "weights/tensor_set.h"

namespace vega::siglip {

struct Checkpoint {
  std::filesystem::path folder;
  // Before the tower's names in the file: "vision_model.", "" (transformers 5.8 and newer), or a
  // path inside a language model, such as "model.vision_tower.vision_tower.vision_model.".
  std::string prefix;
  Config config;
  WeightViews weights;                       // of the 26 layers that run; mapped
  std::vector<std::filesystem::path> files;  // configuration and weights
  TensorSet set;                             // keeps the mappings alive
  KnownFingerprint known;                    // of `weights`

  // Key of names, shapes and values of `weights`: equal for both prefixes and every sharding.
  // Looked up once: every scene of a training asks for it. Remembered by path, size and mtime, so
  // that only the first process that meets new files reads all of them.
  std::string fingerprint() const;

  // What feature files of this tower record as their model's: the key above and the numbers of the
  // configuration that no tensor's shape shows.
  std::string model_fingerprint() const;

  // Throws FormatError (file, tensor, index) on NaN or infinity in what runs.
  void check_finite() const;
};

// Reads headers of model*.safetensors and config.json, where that describes the tower
// ("vision_config", or a SiglipVisionModel's own); else sizes come from the tensors' shapes and
// heads are 72 wide. Finds the tower under any prefix; strict below it: missing, unknown and
// misshapen tensors are errors that name them; layer 26, the norm after the last layer and the
// pooling head may be there or not and are not read, nor is anything outside the prefix. Element
// types f32, f16 and bf16. Throws InputError (no model, another network, another picture size),
// FormatError.
Checkpoint open_checkpoint(const std::filesystem::path& folder);

// The same of tensors that were read already (and perhaps merged), of a folder with config.json.
Checkpoint open_checkpoint(TensorSet set, const std::filesystem::path& folder);

}  // namespace vega::siglip
