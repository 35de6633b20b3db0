// `vega-eval correspondence`: how well features know that two views show one place.
#pragma once

#include "base/context.h"
#include "base/run.h"
#include "evaluate/options.h"

namespace vega::evaluate {

// Scores every scene that has features and a scene file; prints the answer, writes the files of -o.
// Scenes that fail are named and left out (exit code 4). Throws UsageError before any work, and
// InputError where nothing could be scored.
RunResult run_correspondence(const CorrespondenceVerb& options, const Context& context);

}  // namespace vega::evaluate
