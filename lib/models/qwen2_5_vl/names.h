// Tensor names and shapes of Qwen2.5-VL's vision tower. Source: huggingface/transformers
// modeling_qwen2_5_vl.py.
#pragma once

#include <vector>

#include "models/qwen2_5_vl/config.h"
#include "nn/named_tensors.h"

namespace vega::qwen2_5_vl {

// All tensors of the tower and its merger, by their name below "visual." or "model.visual.".
std::vector<NamedTensor> tower_tensors(const VisionConfig& config);

// Where a checkpoint holds tower and decoder. The head is "lm_head.weight" in both.
struct Layout {
  const char* name;
  const char* tower;
  const char* decoder;
};
inline constexpr Layout kOriginal{"original", "visual.", "model."};  // Hugging Face's releases
inline constexpr Layout kNested{"transformers", "model.visual.", "model.language_model."};

}  // namespace vega::qwen2_5_vl
