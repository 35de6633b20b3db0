// `vega-eval correspondence`: how well features know that two views show one place.
#pragma once

#include "evaluate/options.h"
#include "run/verb.h"

namespace vega::evaluate {

// Scores every scene that has features and a scene file; prints the answer, writes the files of -o.
// Scenes that fail are named and left out (exit code 4). Throws UsageError before any work, and
// InputError where nothing could be scored.
RunResult run_correspondence(const CorrespondenceVerb& options, const Context& context);

// `vega-eval correspondence`.
Verb correspondence_verb();

}  // namespace vega::evaluate
