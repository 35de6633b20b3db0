// `vega-eval answer`: questions about one scene, and where what a text means is.
#pragma once

#include "evaluate/answer_options.h"
#include "run/run.h"
#include "run/verb.h"
#include "scene/scan_job.h"

namespace vega::evaluate {

// Streams the answers to stdout. Returns the exit code: 4 where one of several questions could not
// be asked. Throws UsageError, InputError (what the checkpoint needs and the scene lacks),
// OutputError, DeviceError, Stopped.
int run_answer(const AnswerVerb& options, const MakeScanPart& make, const Context& context);

// make: how files of the scene that are not there are made from its scan.
Verb answer_verb(MakeScanPart make);

}  // namespace vega::evaluate
