// Made-up checkpoints of Qwen2.5-VL.
#pragma once

#include <filesystem>

#include "models/qwen2_5_vl/config.h"
#include "synth/model.h"

namespace vega::synth {

// The sizes of a preset, with `rows` rows of the embedding; the ids of tokens stay 0.
qwen2_5_vl::Config qwen_vl_preset(const std::string& name, std::int64_t rows);

// Tower, decoder and head in two shards, config.json, preprocessor_config.json,
// generation_config.json and a tokeniser: that of options.tokenizer, or one of bytes alone with the
// control words of Qwen2.5-VL. `nested`: names and config.json as transformers' newer classes have
// them, else those of Hugging Face's releases. Presets:
//   qwen2.5-vl-tiny      heads of 80 and 128 as in the real ones, 4 and 2 layers; a tied head
//   qwen2.5-vl-tiny-7b   the same with a head of its own, as the 7B has one
//   qwen2.5-vl-3b, qwen2.5-vl-7b   the true sizes
// Throws InputError (the tokeniser), OutputError.
void write_qwen_vl(const ModelOptions& options, const std::filesystem::path& folder, bool nested);

// The same with the generative branch of VEGA-3D's spatial-reasoning release in its key layout:
// generative_merger, generative_fusion (token_gated_residual) and a transformer of Wan of its own.
// As released there is no tokenizer.json, but vocab.json, merges.txt and added_tokens.json, and
// config.json says neither block nor size. Presets:
//   spatial-tiny         over qwen2.5-vl-tiny; the transformer is that of wan-tiny with this seed
//   spatial-tiny-drawn   its Linear and Conv3d are drawn anew, as the released training does
//   spatial-3b           the true sizes
void write_spatial(const ModelOptions& options, const std::filesystem::path& folder, bool nested);

}  // namespace vega::synth
