// Conversations as token ids: the template qwen_1_5, the texts of the tasks, and labels by the
// rules of training and of evaluation.
// Source: VEGA-3D, conversation.py, train_3d.py (preprocess_qwen), scripts/3d/eval.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "tasks/prompts.h"
#include "text/tokenizer.h"

namespace vega::vlm {

// A stretch of a prompt: text, or a place of our own. Words such as "<coord>" within a text are no
// such places.
struct Piece {
  enum class Kind { kText, kImage, kCoord, kGround };
  Kind kind = Kind::kText;
  std::string text = {};
};
using Pieces = std::vector<Piece>;

// U and the answer of one sample. U begins with kImage.
struct Turn {
  Pieces user, answer;
};

using tasks::kTasks;
using tasks::Task;
using tasks::TaskText;

// The conversation of a task: tasks/prompts.h, as released.
Turn task_turn(Task task, const TaskText& text);

// A free question about the scene; no answer.
Turn free_turn(const std::string& question);

// The ids that prompts need.
struct ControlIds {
  std::int64_t im_start = 0, im_end = 0, newline = 0;
  std::vector<std::int64_t> ground, coord;  // empty: the checkpoint has none
};
// Of the tokeniser; `ground` and `coord` stay empty. Throws InputError where it lacks a word.
ControlIds control_ids(const text::Tokenizer& tokenizer);

struct PromptOptions {
  text::Control control_words = text::Control::kText;  // within texts
  bool spatial_instruction = false;
  std::string system = "You are a helpful assistant.";
};

// kImageId (assembly.h) stands for the visual block.
struct PromptIds {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> labels;  // kIgnoreLabel: not supervised
  // false: the model is to write the answer. The released evaluation has no labels then, which the
  // instruction gate sees (vlm/instruction.h).
  bool answered = true;
};

// Which tokens of a conversation training supervises.
enum class Masking {
  kReleased,  // the assistant's message, and every newline and message mark of all messages
  kAnswer     // the assistant's text and its end mark
};
inline constexpr Choice<Masking> kMaskings[] = {
    {Masking::kReleased, "released",
     "the assistant's message, and every stand-alone newline and message mark of all messages"},
    {Masking::kAnswer, "answer", "the assistant's text and its end mark alone"}};

class PromptMaker {
 public:
  // The tokeniser must outlive it.
  PromptMaker(const text::Tokenizer& tokenizer, ControlIds ids, PromptOptions options);

  // As trained: every message tokenised whole. The ids do not depend on the masking.
  PromptIds training(const Turn& turn, Masking masking = Masking::kReleased) const;

  // As evaluated: role, newline and texts tokenised one by one; the user's turn is the image, a
  // newline, then U. Without an answer it ends where the assistant's begins. Labels by the other
  // rule: first id, end mark and last newline of each turn, and the answer.
  PromptIds evaluation(const Turn& turn) const;

  // Both throw InputError: "<image>" within a text; a text that is not UTF-8; kGround or kCoord
  // where the checkpoint has no such token. With control words as tokens, a text with some gives a
  // warning.

 private:
  void append(const Pieces& pieces, std::vector<std::int64_t>& ids) const;
  void append_text(std::string_view text, std::vector<std::int64_t>& ids) const;
  std::size_t header_length(const std::string& role, std::span<const std::int64_t> ids,
                            std::size_t first) const;

  const text::Tokenizer& tokenizer_;
  ControlIds ids_;
  PromptOptions options_;
};

}  // namespace vega::vlm
