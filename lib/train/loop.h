// A run of training: steps, checkpoints, metrics.
#pragma once

#include <cstdint>
#include <functional>

#include "run/context.h"
#include "run/run.h"
#include "train/data.h"
#include "train/recipe.h"
#include "vlm/train_model.h"

namespace vega::train {

// How many steps a run has.
struct StepPlan {
  std::int64_t steps = 0;      // that are done
  std::int64_t scheduled = 0;  // that the learning rate is planned for; as released, a few more
  std::int64_t per_epoch = 0;
  std::int64_t epochs = 0;  // begun
};
StepPlan step_plan(const Recipe& recipe, const TrainingData& data);

// Trains to the end, or goes on with a run that was stopped. Exit code 0, also of a run that was
// finished before. Throws UsageError, InputError, ModelError (a loss or gradient that is not
// finite: step, samples, last checkpoint), OutputError, DeviceError, Stopped (everything is saved).
RunResult run_training(const TrainVerb& options, const Context& context);

}  // namespace vega::train
