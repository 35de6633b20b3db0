// A run of training: steps, checkpoints, metrics.
#pragma once

#include "run/context.h"
#include "run/run.h"
#include "run/verb.h"
#include "tasks/scored.h"
#include "train/options.h"
#include "train/video_access.h"

namespace vega::train {

// Trains to the end, or goes on with a run that was stopped. Exit code 0, also of a run that was
// finished before. Throws UsageError, InputError, ModelError (a loss or gradient that is not
// finite: step, samples, last checkpoint), OutputError, DeviceError, Stopped (everything is saved).
// score: the scorer of validation, which another room lends. videos: of what shows some.
RunResult run_training(const TrainVerb& options, const Context& context,
                       const tasks::ReadScored& score, const VideoAccess& videos = {});

Verb run_verb(tasks::ReadScored score, VideoAccess videos = {});

}  // namespace vega::train
