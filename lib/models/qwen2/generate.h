// Answers: tokens drawn one after the other, for one or several prompts at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "models/qwen2/decoder.h"
#include "models/qwen2/generation_config.h"

namespace vega::qwen2 {

// One of `ids` and `embeddings`. What follows the tokens of `prefix`, if there is one.
struct Prompt {
  std::vector<std::int64_t> ids;
  at::Tensor embeddings;  // (L, H) of the model's type, on its device
  // (L) or (3, L) int64; undefined: counted from the prefix's length on, in all components.
  at::Tensor positions;
  // Position of the first generated token, in all components; -1: its index in the sequence.
  std::int64_t next_position = -1;
  // A cache with the common beginning of several prompts: forked, not changed otherwise.
  const KvCache* prefix = nullptr;
  // Ids of the prefix, for the repetition penalty; empty where it was embeddings.
  std::vector<std::int64_t> prefix_ids;
  std::string key;  // names the sequence for the random numbers
};

enum class Ending { kStopId, kLimit, kStopped };

struct Answer {
  std::vector<std::int64_t> ids;  // without the stop id
  std::int64_t stop_id = -1;      // the one that ended it
  Ending ending = Ending::kLimit;
};

// Called for each token that belongs to an answer, in order; false ends this answer (kStopped).
using OnToken = std::function<bool(std::size_t prompt, std::int64_t id)>;

// Each prompt is read alone, then all answers grow together. Answers do not depend on which prompts
// are given together where Decoder::step says that rows do not. Where the prompt went in as ids the
// repetition penalty sees them, else only generated ids.
// Throws InputError (an empty prompt, shapes), ModelError when a logit is not finite.
std::vector<Answer> generate(const Decoder& model, std::span<const Prompt> prompts,
                             const GenerationConfig& config, const OnToken& on_token = {});

}  // namespace vega::qwen2
