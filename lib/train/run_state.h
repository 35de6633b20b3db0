// Between the model in memory and the checkpoints of its run.
#pragma once

#include <cstdint>

#include "base/json.h"
#include "train/optimizer.h"
#include "train/run_folder.h"
#include "train/setup.h"
#include "vlm/train_model.h"

namespace vega::train {

// Saves the state after `step` steps. counters: what the loop counts beside them. Throws
// OutputError.
void save_state(RunFolder& folder, std::int64_t step, const TrainSetup& setup,
                const vlm::TrainModel& model, const Optimizer& optimizer, const Json& counters);

// Brings the model and the optimiser to a checkpoint. Returns its counters. Throws FormatError: a
// tensor that is missing, unknown or of another shape.
Json restore_state(const StepFolder& step, vlm::TrainModel& model, Optimizer& optimizer);

// Warns where a run goes on with other threads or passes than the checkpoint's.
void warn_of_other_bits(const RunFolder& folder, const StepFolder& step, const Recipe& recipe);

}  // namespace vega::train
