// The question as a vector, for the gate that depends on it (instruction_token_gated).
// Source: VEGA-3D, llava_arch.py (4.4 of docs/language.md).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "text/tokenizer.h"

namespace vega::vlm {

struct InstructionConfig {
  std::vector<std::int64_t> relation, templates;  // ids; instruction_*_token_ids
  std::int64_t tail = 96;                         // ids that are kept; 0 or less: all
  double boost = 2;                               // weight of relation ids; used when above 1
};

// What training stores with a new gate: ids of the 22 words and phrases that tell relations, and of
// the sentences that prompts have in common (tasks/prompts.h) but for these. Ascending. The
// release's templates have four more fragments, of prompts about times, which vega does not have.
InstructionConfig instruction_of(const text::Tokenizer& tokenizer);

// Ids with their weights: those of the human's text after the image, without the template's words,
// the last `tail`, then all relation ids, each once. Empty only when no id is a token.
// labels: of ids, or empty (evaluation without an answer).
std::vector<std::pair<std::int64_t, float>> instruction_ids(std::span<const std::int64_t> ids,
                                                            std::span<const std::int64_t> labels,
                                                            const InstructionConfig& config);

// Weighted mean of their embeddings (n, H), L2-normalised in float32 (eps 1e-6), of the
// embeddings' type: (H).
at::Tensor instruction_vector(const at::Tensor& embeddings, std::span<const float> weights);

}  // namespace vega::vlm
