// `vega-extract prompt`: the embedding of the empty text from a UMT5 checkpoint.
#pragma once

#include "extract/options.h"
#include "run/verb.h"

namespace vega::extract {

RunResult run_prompt(const PromptOptions& options, const Context& context);

// `vega-extract prompt`.
Verb prompt_verb();

}  // namespace vega::extract
