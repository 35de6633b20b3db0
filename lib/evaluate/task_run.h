// `vega-eval answer TASK QUESTIONS.json`: the questions of a benchmark, scene by scene.
#pragma once

#include "evaluate/answer_options.h"
#include "run/context.h"
#include "scene/scan_job.h"

namespace vega::evaluate {

// Writes answers to --out (docs/formats.md, "Answers"); prints a line of the manifest. Returns the
// exit code: 4 where questions or scenes could not be answered. Throws UsageError, InputError,
// OutputError, DeviceError, Stopped (with every answer that was given on disk).
int run_task(const AnswerVerb& options, const MakeScanPart& make, const Context& context);

}  // namespace vega::evaluate
