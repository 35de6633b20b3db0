// What `run` and `plan` know before any weight is read: the base checkpoint with its new parts, the
// data, the steps.
#pragma once

#include <cstdint>

#include "train/data.h"
#include "train/recipe.h"
#include "train/sampler.h"
#include "train/video_access.h"
#include "vlm/checkpoint.h"

namespace vega::train {

// How many steps a run has.
struct StepPlan {
  std::int64_t steps = 0;      // that are done
  std::int64_t scheduled = 0;  // that the learning rate is planned for; as released, a few more
  std::int64_t per_epoch = 0;
};

struct TrainSetup {
  Recipe recipe;
  vlm::VlmCheckpoint base;     // as it is on disk, but for --max-tokens
  vlm::VlmCheckpoint planned;  // vlm::planned_checkpoint of it
  VideoAccess videos;
  TrainingData data;
  StepPlan plan;

  // Throws UsageError, DeviceError, InputError, FormatError: what resolve(), open_checkpoint(),
  // planned_checkpoint() and read_data() throw.
  // videos: for a model that is shown pictures; without it videos are refused.
  explicit TrainSetup(const TrainVerb& options, Purpose purpose = Purpose::kRun,
                      VideoAccess video_access = {});

  Sampler sampler() const;
  Schedule schedule() const;
  // What identifies the run, for run.json: the recipe, fingerprints of the base and of the data,
  // the number of steps.
  Json identity() const;
};

// The step plan of a sampler's epochs.
StepPlan step_plan(const Recipe& recipe, std::int64_t per_epoch, std::int64_t samples);

}  // namespace vega::train
