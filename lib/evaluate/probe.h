// `vega-eval probe`: how much features know about space.
#pragma once

#include "evaluate/probe_options.h"
#include "run/verb.h"

namespace vega::evaluate {

// Fits on some scenes, scores the others, prints the answer and writes the files of -o and --plot.
// Scenes that fail are named and left out (exit code 4). Throws UsageError before any work, and
// InputError where nothing could be fitted or scored.
RunResult run_probe(const ProbeVerb& options, const Context& context);

Verb probe_verb();

}  // namespace vega::evaluate
