// Conversations about pictures as token ids and labels, as VEGA-3D's spatial model was trained.
// Source: VEGA-3D (branch spatial-reasoning), qwen_vl/data/data_qwen.py.
#pragma once

#include <span>

#include "tasks/picture_sample.h"
#include "text/tokenizer.h"
#include "vlm/prompt.h"

namespace vega::vlm {

// The system's turn, then these: <|im_start|>, role and newline, the text, <|im_end|>, a newline.
// Each "<image>" of a user's turn is <|vision_start|>, kImageId, <|vision_end|>. Supervised are the
// model's turns but for their first three tokens: the answer, its end mark and the newline behind.
// masking kAnswer: without that newline.
// control_words: within the texts. Throws InputError: a text that is not UTF-8; a tokeniser without
// these marks.
PromptIds picture_prompt(const text::Tokenizer& words, std::span<const tasks::PictureTurn> turns,
                         text::Control control_words = text::Control::kText,
                         Masking masking = Masking::kReleased);

}  // namespace vega::vlm
