// Tensor names and shapes of a SigLIP vision tower. Those of google/siglip-so400m-patch14-384 are
// the canonical ones; the aliases are those inside LLaVA-Video, Video-3D-LLM and VEGA checkpoints.
// Files have other prefixes too (models/siglip/checkpoint.h). Source: huggingface/transformers
// modeling_siglip.py.
#pragma once

#include <string_view>
#include <vector>

#include "models/siglip/config.h"
#include "nn/named_tensors.h"

namespace vega::siglip {

inline constexpr std::string_view kPrefix = "vision_model.";
inline constexpr std::string_view kLlavaPrefix = "model.vision_tower.vision_tower.vision_model.";

// Patch and position embedding, and 16 tensors for each of config.layers layers.
std::vector<NamedTensor> tower_tensors(const Config& config);

// What a checkpoint holds besides and nothing reads: the norm after the last layer; of the one from
// Hugging Face also the pooling head.
std::vector<NamedTensor> post_norm_tensors(const Config& config);
std::vector<NamedTensor> head_tensors(const Config& config);

}  // namespace vega::siglip
