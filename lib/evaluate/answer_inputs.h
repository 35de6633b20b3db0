// What both forms of `vega-eval answer` make of their options: the generation settings, and how the
// files of a scene are found.
#pragma once

#include <optional>

#include "evaluate/answer_options.h"
#include "evaluate/open_files.h"
#include "models/qwen2/generation_config.h"
#include "vlm/checkpoint.h"
#include "vlm/switches.h"

namespace vega::evaluate {

// Throws UsageError: options that contradict each other, no checkpoint.
void check_model_options(const AnswerVerb& options);

// The switches of --compat. Without it the released forward pass with `words` for control words in
// a question, but a prompt that is too long is refused: an answer to a prompt without its end means
// nothing.
vlm::Switches chosen_switches(std::optional<Compat> compat, text::Control words);

// `config` with what was asked on the command line.
qwen2::GenerationConfig with_options(qwen2::GenerationConfig config, const AnswerVerb& options);

// The folders in which files are looked for, and the settings with which missing ones are made;
// without the scene itself.
ScanInputs scan_inputs(const AnswerVerb& options, const vlm::VlmCheckpoint& checkpoint);

}  // namespace vega::evaluate
