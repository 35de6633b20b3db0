// Many questions about one scene: what comes before them is read once, and their answers grow
// together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "models/qwen2/generate.h"
#include "tasks/sample.h"
#include "vlm/prompt.h"
#include "vlm/vlm.h"

namespace vega::vlm {

// The conversation of a sample. "<image>" at the beginning of its question is the scene, and
// "<coord>" in a Scan2Cap question the place of the object; everything else is text (Switches::
// control_words). Grounding: the answer is the ground token, whatever the file says.
Turn turn_of(const tasks::Sample& sample);

struct Ask {
  Turn turn;  // of ground_all with its answer, the ground token; else its answer is not looked at
  std::vector<std::array<float, 3>> coords = {};  // one for each coordinate token of the turn, m
  std::string key = {};  // names the question for drawn answers; empty: the scene's key
};

// turn_of; the centre of box_input, where the turn has its coordinate; the sample's id.
Ask ask_of(const tasks::Sample& sample);

struct BatchOptions {
  // Answers that grow at a time, each making room for another when it ends; 0: as many as fit the
  // memory (batch_for_memory), at most kMostRows.
  std::int64_t rows = 0;
  // false: the released way: one question at a time, each of which reads the scene again.
  bool share_prefix = true;
};
inline constexpr std::int64_t kMostRows = 64;

// In the order in which answers end, each question once, from the calling thread. What a callback
// throws ends the run.
using OnReply = std::function<void(std::size_t index, Reply&& reply)>;
using OnGrounding = std::function<void(std::size_t index, Grounding&& found)>;
// A question that cannot be answered (InputError, ModelError): the others go on.
using OnFailure = std::function<void(std::size_t index, const std::exception& error)>;

// Answers do not depend on `options.rows` nor on the other questions: in float32 bit for bit on the
// CPU (qwen2::Decoder::step). With and without a shared prefix logits agree within rounding
// (docs/language.md).
// Throws Stopped, DeviceError; InputError where the checkpoint has no tokeniser.
void answer_all(const Vlm& model, VisualScene& scene, std::span<const Ask> asks,
                const qwen2::GenerationConfig& config, const BatchOptions& options,
                const OnReply& on_reply, const OnFailure& on_failure);

// The objects that the questions mean: one pass over each question's own tokens. Questions are not
// read together: products of more rows round otherwise, and a run that is resumed must give the
// bits of one that was not.
// Throws Stopped, DeviceError; InputError: no grounding head; no tokeniser.
void ground_all(const Vlm& model, VisualScene& scene, std::span<const Ask> asks,
                const BatchOptions& options, const OnGrounding& on_found,
                const OnFailure& on_failure);

// The tokens of one answer that need memory beside the weights and the scene's prefix.
struct AnswerSize {
  std::int64_t question_tokens = 128;
  std::int64_t new_tokens = 512;  // the limit
};
// How many answers fit into `free_bytes`, at least 1. `prefix_tokens`: those that are still to be
// read.
std::int64_t batch_for_memory(const qwen2::Config& config, at::ScalarType dtype, double free_bytes,
                              std::int64_t prefix_tokens, const AnswerSize& size);

}  // namespace vega::vlm
