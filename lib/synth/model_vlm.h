// Made-up checkpoints of language models that see scenes.
#pragma once

#include <filesystem>

#include "synth/model.h"

namespace vega::synth {

// Every part in the real layout, in two shards: the tower of siglip-tiny, projectors (of wan-tiny's
// features too), token gate, newline, grounding head, a Qwen2 decoder of width 256 with 2 layers,
// config.json, generation_config.json and a tokeniser: that of options.tokenizer, or one of bytes
// alone, without merges. Presets:
//   vlm-tiny        VEGA-3D
//   vlm-small       the same with 8 layers of width 512
//   vlm-tiny-3d     Video-3D-LLM: nothing generative
//   vlm-tiny-video  LLaVA-Video: no positions and no grounding either
//   vlm-study       options.row, to be trained from scratch: width 128, no tower, one shard; its
//                   objects are means of the tokens that the decoder sees
// Throws InputError (the tokeniser), OutputError.
void write_vlm(const ModelOptions& options, const std::filesystem::path& folder);

}  // namespace vega::synth
