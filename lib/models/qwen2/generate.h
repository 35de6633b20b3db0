// Answers: tokens drawn one after the other, for one or several prompts at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
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

struct StreamOptions {
  std::size_t rows = 64;  // at least 1: answers that grow at a time, each with a cache of its own
};

// Gives the prompts of a stream one after the other, nothing behind the last. Called when there is
// room for one more; its prefix must live until the prompt has ended.
using NextPrompt = std::function<std::optional<Prompt>()>;
// Called once for each prompt, in the order in which they end. `prompt`: its number in the order of
// NextPrompt. The cache of the prompt is free by then.
using OnAnswer = std::function<void(std::size_t prompt, Answer&& answer)>;
using OnFailure = std::function<void(std::size_t prompt, const InputError& error)>;

// The answers of generate(), bit for bit, to prompts that come as others end: an answer that ends
// makes room for the next prompt.
// A prompt that generate() would throw for (no token, shapes, logits that are not finite) goes to
// on_failure, and the others go on; without on_failure its error is thrown. What the callbacks
// throw, and errors of the device, end the stream.
void generate_stream(const Decoder& model, const NextPrompt& next, const GenerationConfig& config,
                     const StreamOptions& options, const OnToken& on_token,
                     const OnAnswer& on_answer, const OnFailure& on_failure = {});

}  // namespace vega::qwen2
