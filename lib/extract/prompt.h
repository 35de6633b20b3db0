// `vega-extract prompt`: the embedding of the empty text from a UMT5 checkpoint.
#pragma once

#include "extract/context.h"
#include "extract/options.h"

namespace vega::extract {

Report run_prompt(const PromptOptions& options, const Context& context);

}  // namespace vega::extract
