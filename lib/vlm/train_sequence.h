// Questions about one scene as one packed sequence: the beginning that they share, what each has of
// its own, and where the targets of their losses are.
// Source: VEGA-3D, llava_qwen.py (S 8.1, 8.2 of docs/language.md): logits of token t against label
// t + 1; a grounding query is the state at its own token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/qwen2/train_decoder.h"
#include "vlm/checkpoint.h"
#include "vlm/train_model.h"

namespace vega::vlm {

// Ids and labels of a prompt as its sequence has them. kImageId stands for the visual block, where
// that is seen.
struct TrainPrompt {
  std::vector<std::int64_t> ids, labels;
  bool grounding = false;

  // Tokens, the visual block counted in full.
  std::int64_t length(std::int64_t visual_tokens) const;
  // Supervised tokens among the first `most` (grounding: whether the ground token is there).
  std::int64_t target_count(std::int64_t visual_tokens, std::int64_t most,
                            std::span<const std::int64_t> ground_ids) const;
};

// Without kImageId where the scene is not seen. Throws InputError: labels of another number; no
// ground token among the labels of a grounding sample.
TrainPrompt train_prompt(const TrainSample& sample, bool see_visual, const ControlIds& control);

// How many ids all prompts begin with, labels equal too and no coordinate token among them; at
// least one id is left to each. 0 of a single prompt, and where the visual block's end is not among
// them or lies beyond `most`.
std::int64_t shared_ids(std::span<const TrainPrompt> prompts, std::int64_t visual_tokens,
                        std::int64_t most, const ControlIds& control);

// One target of words: the logits at `row` of the packed sequence against token `target`.
struct WordTarget {
  std::int64_t row = 0, target = 0;
  std::size_t sample = 0;  // place among the prompts of the pass
};

// Some prompts as one packed sequence.
struct PackedPass {
  std::vector<std::size_t> samples;  // places in the call
  PackedLayout layout;
  std::int64_t prefix_ids = 0;    // of each prompt, that are in the prefix
  std::vector<std::int64_t> own;  // tokens of each sample behind the prefix, after the cut; 0: none
  std::vector<WordTarget> words;
  std::vector<std::int64_t> queries;  // row of each sample's ground token; -1: none

  std::int64_t targets(std::size_t sample) const;
};

// Passes of at most `pass_tokens` tokens, in the order of the prompts; a prompt that is longer goes
// alone. Each sequence is cut at `most`.
std::vector<PackedPass> pack(std::span<const TrainPrompt> prompts, std::int64_t visual_tokens,
                             std::int64_t most, std::int64_t pass_tokens,
                             const ControlIds& control);

}  // namespace vega::vlm
