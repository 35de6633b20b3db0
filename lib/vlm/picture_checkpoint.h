// Checkpoints of Qwen2.5-VL, with or without the generative branch, as training and what it saved
// need them: a folder of the model, a step of a training over one, or the folder of a run.
#pragma once

#include <filesystem>

#include "models/qwen2_5_vl/checkpoint.h"
#include "vlm/checkpoint.h"

namespace vega::vlm {

// Tokens of a sequence in the released training.
inline constexpr std::int64_t kPictureTokens = 12800;

// The folder that has config.json: the step, of a run its newest complete one, else the path.
// Throws FormatError (a torn step), InputError (a run without a complete step).
std::filesystem::path picture_folder(const std::filesystem::path& path);

// Whether that config.json says model_type "qwen2_5_vl". Throws likewise, and FormatError (a
// config.json that is no JSON object).
bool is_picture_model(const std::filesystem::path& path);

// All of it under the names of qwen2_5_vl::kOriginal, whatever the file has. Of a step: its tensors
// over those of its base. A folder without weights, where options.shapes: shapes alone.
// config.most_tokens is kPictureTokens, or max_position_embeddings where that is less.
// Throws as vlm::open_checkpoint and qwen2_5_vl::open_checkpoint do.
VlmCheckpoint open_picture_checkpoint(const std::filesystem::path& path,
                                      const CheckpointOptions& options = {});

// The same for answers. base: as CheckpointOptions::base; UsageError where the path needs none.
qwen2_5_vl::Checkpoint open_qwen(const std::filesystem::path& path,
                                 const std::filesystem::path& base = {});

}  // namespace vega::vlm
