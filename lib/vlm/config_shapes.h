// The tensors of a checkpoint whose weights are not there, as its config.json implies them: for
// plans.
#pragma once

#include <filesystem>

#include "base/json_fields.h"
#include "models/qwen2_5_vl/config.h"
#include "vlm/checkpoint.h"
#include "weights/tensor_set.h"

namespace vega::vlm {

// Whether a folder has weights of a whole model, model*.safetensors or their index.
bool has_weights(const std::filesystem::path& folder);

// Names and shapes of the decoder, head, newline, projectors, fusion, position embedding and
// grounding head that `config` says, and of SigLIP so400m where mm_vision_tower names a SigLIP.
// Values are 0, in no memory, of the type torch_dtype or dtype (bfloat16 where there is neither).
// fields: of the same config.json. Throws FormatError: mm_hidden_size or generative_feat_dim is
// missing; another type.
TensorSet shapes_of(const VlmConfig& config, const JsonFields& fields);

// The same of a Qwen2.5-VL under its original names: tower, decoder, head; merger and fusion where
// there is a generative branch, the widths of Wan being those of the 1.3B (or of the 14B where
// generative_vision_tower_task says so).
TensorSet picture_shapes_of(const qwen2_5_vl::Config& config, const JsonFields& fields);

}  // namespace vega::vlm
