// Answers as text, streamed while they grow: what all language models of this folder share.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "models/qwen2/decoder.h"
#include "models/qwen2/generate.h"
#include "text/tokenizer.h"

namespace vega::vlm {

// What the model says, and how it ended.
struct Reply {
  std::string text;  // control words left out, blanks at both ends removed
  std::string said;  // the same with its blanks
  qwen2::Answer answer;
};

// Text as soon as its characters are complete; false ends the answer.
using OnText = std::function<bool(std::string_view text)>;

// An answer's ids as text.
Reply reply_of(qwen2::Answer&& answer, const text::Tokenizer& words);

// Lets the decoder answer one prompt. Throws as qwen2::generate.
Reply reply_to(const qwen2::Decoder& decoder, const text::Tokenizer& words,
               const qwen2::Prompt& prompt, const qwen2::GenerationConfig& config,
               const OnText& on_text);

}  // namespace vega::vlm
