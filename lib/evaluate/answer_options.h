// Options of `vega-eval answer`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/model_options.h"
#include "evaluate/task_options.h"
#include "models/qwen2_5_vl/preprocess.h"

namespace vega::evaluate {

enum class AnswerFormat { kText, kJson };

// Of models that are shown frames: Qwen2.5-VL.
struct FrameOptions {
  std::int64_t most = 32;  // frames; of a scene that has more, evenly spread ones
  // Unset: spatial; and what the checkpoint's files say.
  std::optional<qwen2_5_vl::Preparation> preparation;
  std::optional<std::int64_t> min_pixels, max_pixels;
  std::string generative_weights;  // "checkpoint", a folder of Wan, or empty: as it comes

  void visit(OptionVisitor& v);
  // Throws UsageError where one of them was given with another model.
  void refuse(const std::string& checkpoint) const;
};

struct AnswerVerb : ModelOptions {
  // One: a scan, a video, or the key of files. Two: a benchmark's name and its questions.
  std::vector<std::string> inputs;
  std::string key;
  std::vector<std::string> ask, locate;

  std::string tokens, work;  // folders
  bool allow_mismatch = false;

  std::optional<Compat> compat;  // unset: reference, but for control words in questions
  // Unset: what the checkpoint's generation_config.json says.
  std::optional<double> temperature, top_p, repetition_penalty;
  std::optional<std::int64_t> top_k, max_new_tokens;
  std::int64_t seed = 42;
  bool greedy = false;

  std::string out;  // folder of answers, of what --locate found; empty: none
  AnswerFormat format = AnswerFormat::kText;

  FrameOptions frames;  // of Qwen2.5-VL alone
  TaskOptions task;     // of a benchmark alone

  // Whether a benchmark is answered, not questions about one scene. Throws UsageError where that is
  // not clear, or options of the one form were given with the other.
  bool is_task() const;

  void visit(OptionVisitor& v);
};

}  // namespace vega::evaluate
