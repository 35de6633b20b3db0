// `vega-train world`: a small generator, trained on walks through rooms.
#pragma once

#include "run/context.h"
#include "run/run.h"
#include "run/verb.h"
#include "train/export.h"
#include "train/world/options.h"

namespace vega::train {

// Trains to the end, or goes on with a run that was stopped. Exit code 0, also of a run that was
// finished before. Throws UsageError, InputError, ModelError (a loss or gradient that is not
// finite: step, clips, last checkpoint), OutputError, DeviceError, Stopped (everything is saved).
RunResult run_world(const WorldOptions& options, const Context& context);

Verb world_verb();

// A step of such a run as a model, for `vega-train export`.
void export_world(const ExportOptions& options, const StepFolder& step, bool replace);

}  // namespace vega::train
