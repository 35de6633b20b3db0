// The steps of a run of training, from its newest checkpoint to its end.
#pragma once

#include <optional>

#include "ranks/ranks.h"
#include "run/context.h"
#include "train/memory_meter.h"
#include "train/run_folder.h"
#include "train/setup.h"
#include "train/validate.h"

namespace vega::train {

struct TrainingParts {
  TrainSetup& setup;
  Ranks& ranks;
  RunFolder* folder = nullptr;             // of rank 0, which alone writes; null: another rank
  std::optional<StepFolder> newest;        // the checkpoint to go on from
  const Validation* validation = nullptr;  // null: none
};

// All ranks call it. Throws what run_training (train/loop.h) throws.
void train_steps(const TrainingParts& parts, MemoryMeter& meter, const Context& context);

}  // namespace vega::train
