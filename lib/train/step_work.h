// One step's samples, scene by scene, with their weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "train/data.h"
#include "train/division.h"
#include "train/sampler.h"

namespace vega::train {

struct StepScene {
  std::size_t scene = 0;
  std::vector<std::size_t> samples;  // places in TrainingData::samples, in the step's order
  std::vector<double> weights;       // TrainSample::weight of each
  std::int64_t passes = 0;           // of the decoder; of several ranks alone (train/deal.h)
};

// Scenes in the order of their first samples.
std::vector<StepScene> step_scenes(const SampledStep& step, const TrainingData& data,
                                   Division division);

}  // namespace vega::train
