// `vega-eval score`: answers in, numbers with intervals out.
#pragma once

#include "run/verb.h"
#include "score/options.h"
#include "score/truth.h"

namespace vega::score {

// Prints the scores; writes the files of -o and --samples. Throws UsageError, InputError,
// FormatError, OutputError.
void run_score(const ScoreOptions& options, const ReadScene& read_scene, const Context& context);

// read_scene reads the boxes of a scene file, for --scenes; empty in a build without HDF5.
Verb score_verb(ReadScene read_scene = {});

}  // namespace vega::score
