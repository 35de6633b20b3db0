// Between the model in memory and the checkpoints of its run.
#pragma once

#include <cstdint>

#include "base/json.h"
#include "ranks/ranks.h"
#include "train/optimizer.h"
#include "train/run_folder.h"
#include "train/setup.h"
#include "vlm/train_model.h"

namespace vega::train {

// Saves the state after `step` steps. All ranks call it: rank 0 has the folder (null: another rank)
// and writes the model; where states are shared out (StateShare), each rank writes its own part of
// the optimiser's, else rank 0 writes all of it. The checkpoint gets its name when all parts are on
// disk. counters: what the loop counts beside them. Throws OutputError, RankError: no checkpoint of
// this step is there then, and older ones stay.
void save_state(Ranks& ranks, RunFolder* folder, std::int64_t step, const TrainSetup& setup,
                const vlm::TrainModel& model, const Optimizer& optimizer, const Json& counters);

// Brings the model and the optimiser to a checkpoint, which any number of ranks has written; of the
// optimiser's tensors those are read that this rank keeps. Returns its counters. Throws
// FormatError: a tensor that is missing, unknown or of another shape; a file that is damaged.
Json restore_state(const StepFolder& step, vlm::TrainModel& model, Optimizer& optimizer);

// Warns where a run goes on with other threads or passes than the checkpoint's.
void warn_of_other_bits(const RunFolder& folder, const StepFolder& step, const Recipe& recipe);

}  // namespace vega::train
