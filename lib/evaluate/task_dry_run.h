// `vega-eval answer TASK QUESTIONS.json --dry-run`.
#pragma once

#include "evaluate/task_setup.h"
#include "run/context.h"

namespace vega::evaluate {

// Prints what there is to do, what is missing and what it takes. run: of this run, compared with
// the folder's. Returns 0; 3 where the folder holds answers of another run; 4 where a scene cannot
// be answered or a record not asked.
int dry_run(const TaskSetup& setup, const Json& run, const Context& context);

}  // namespace vega::evaluate
