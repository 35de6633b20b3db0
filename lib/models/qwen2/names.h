// Tensor names and shapes of a Qwen2 decoder. Source: huggingface/transformers modeling_qwen2.py.
#pragma once

#include <string_view>
#include <vector>

#include "models/qwen2/config.h"
#include "nn/named_tensors.h"

namespace vega::qwen2 {

inline constexpr std::string_view kEmbedding = "embed_tokens.weight";
inline constexpr std::string_view kNorm = "norm.weight";

// All tensors but the head's, by their name below the model's prefix ("model.", or
// "model.language_model." in larger models): 12 a layer, the embedding and the last norm.
std::vector<NamedTensor> decoder_tensors(const Config& config);

}  // namespace vega::qwen2
