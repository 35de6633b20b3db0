// What `answer` makes of its options for the generative branch beside Qwen2.5-VL.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "evaluate/answer_options.h"
#include "models/qwen2_5_vl/checkpoint.h"
#include "vlm/qwen_vl.h"

namespace vega::evaluate {

// Fills what `options` says of the branch. Throws UsageError (an option of the branch for a
// checkpoint that has none), FormatError (the branch's settings).
void take_branch_options(const AnswerVerb& answer, const qwen2_5_vl::Checkpoint& checkpoint,
                         vlm::QwenVlOptions& options);

// Tokens of a scene that were made before.
struct StoredTokens {
  std::filesystem::path path;
  std::string cache_key;
  std::vector<std::int64_t> ids;  // of the frames
  at::Tensor tokens;              // (V, gh, gw, H) float32
};

// Whether a question is asked about stored tokens: --tokens of vega-fuse for a checkpoint with a
// branch, --semantic of vega-extract for one without.
bool reads_tokens(const AnswerVerb& answer);
// Those of the scene `key`, no more than --frames, evenly spread. Throws UsageError (the other one
// of the two options), InputError (no such file; tokens of another model), FormatError.
StoredTokens read_tokens(const AnswerVerb& answer, const qwen2_5_vl::Checkpoint& checkpoint,
                         const std::string& key);

// What run.json says of the branch before its weights are read. Throws as vlm::find_branch.
Json describe_source(const qwen2_5_vl::Checkpoint& checkpoint, const vlm::QwenVlOptions& options);

// Says whose transformer it is, what it does, and how that differs from the paper's setting.
// Nothing for a model without the branch.
void say_branch(const vlm::QwenVl& model);

}  // namespace vega::evaluate
