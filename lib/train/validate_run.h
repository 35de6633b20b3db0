// The model of a run, as it answers held-out questions.
#pragma once

#include <cstdint>

#include "train/run_folder.h"
#include "train/setup.h"
#include "train/validate.h"
#include "vlm/train_model.h"

namespace vega::train {

struct AnsweringRun {
  const TrainSetup& setup;
  const vlm::TrainModel& model;
  // No rank has the model whole: it is read from the checkpoint of the step, which is saved before.
  bool apart = false;
};

// Of the step whose values the model has. What the run refers to must outlive the function. Throws
// as scene_answers and picture_answers do.
AnswerSet answers_of(const AnsweringRun& run, const Validation& validation, const RunFolder& folder,
                     std::int64_t step);

}  // namespace vega::train
