// Free questions about one scene, whatever the model: answers streamed to stdout, kept as lines.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluate/answer_options.h"
#include "models/qwen2/generation_config.h"
#include "run/context.h"
#include "vlm/reply.h"

namespace vega::evaluate {

// The questions of a run share all this; `lines` and `failed` grow with each answer.
struct Conversation {
  const AnswerVerb& options;
  const Context& context;
  const qwen2::GenerationConfig& config;
  std::vector<Json> lines = {};  // of --format json, and of the record
  int failed = 0;                // questions that could not be asked

  bool json() const { return options.format == AnswerFormat::kJson; }
  bool several() const { return options.ask.size() + options.locate.size() > 1; }
};

// How a model answers one question, given who takes the text as it grows.
using AskModel = std::function<vlm::Reply(const std::string& question, const vlm::OnText& on_text)>;

// Prints the answer to one question and adds its line. Throws what `ask` throws, and Stopped.
void answer_one(Conversation& c, const std::string& question, const AskModel& ask);

// Runs `work` for one question. What cannot be asked costs only itself, unless it is the only
// question. Throws ModelError, which every other question would meet, too; Stopped.
void try_one(Conversation& c, const std::string& question, const std::function<void()>& work);

// Writes -o DIR/KEY.json: the answers and `run`, everything that they depend on. Nothing without
// -o. Throws OutputError.
void write_record(const Conversation& c, const std::string& key, Json run);

}  // namespace vega::evaluate
