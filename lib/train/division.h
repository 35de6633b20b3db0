// What the losses of a step are divided by: the weight of each sample's targets.
#pragma once

#include <cstdint>
#include <vector>

#include "train/options.h"

namespace vega::train {

// One sample of a step.
struct Counted {
  std::int64_t targets = 0;  // supervised tokens; 1 of grounding
  bool grounding = false;
};

// The weight of each target token, or of the whole grounding loss, in the order of the samples
// (vlm::TrainSample::weight). A group of samples with words and grounding has the mean of both
// means, each by its number of samples:
//   words      (samples of words / samples) / targets of words
//   grounding  1 / samples
// kToken: the group is the whole step. kReleased: each micro-batch is one, and its weights are
// divided by the number of micro-batches that have a target. Samples without targets get 0.
std::vector<std::vector<double>> divided(const std::vector<std::vector<Counted>>& batches,
                                         Division division);

}  // namespace vega::train
