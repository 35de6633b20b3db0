// One step of the generator's training: clips, noise, loss, gradients.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "train/world/latents.h"
#include "train/world/recipe.h"
#include "train/world/world_state.h"

namespace vega::train {

// Means over some clips of a step.
struct LossMean {
  double sum = 0;
  std::int64_t count = 0;

  void add(double loss) { sum += loss, ++count; }
};

struct WorldStepResult {
  double loss = 0, norm = 0, seconds = 0;  // norm: of the gradient, before it is cut
  bool single = false;                     // the step saw single frames
  std::int64_t frames = 0;
  LossMean low, high;            // of clips with a share of noise below 0.4, and above 0.6
  std::vector<std::size_t> bad;  // clips whose loss is not finite

  // The line of the step in metrics.jsonl (docs/world.md). step: steps that are done, this one
  // included; memory: bytes.
  Json line(std::int64_t step, double rate, std::int64_t memory) const;
};

// The share of noise of each clip of a step: sigmoid(mean + std n), n by noise v1 of the step.
std::vector<double> noise_shares(const WorldRecipe& recipe, std::int64_t step, std::size_t clips);

// The noise of clips [first, first + count) of a step, (count, 16, frames, h, w) float32: noise v1
// (base/philox.h), keyed by seed, step and the clip's place in the step.
at::Tensor clip_noise(const WorldRecipe& recipe, std::int64_t step, std::size_t first,
                      std::size_t count, std::int64_t frames);

// Adds the gradients of a step's loss: the mean over its clips of the flow loss. Throws
// DeviceError, Stopped.
WorldStepResult add_gradients(const WorldRecipe& recipe, const WorldState& state,
                              const LatentStore& latents, std::int64_t step,
                              const std::vector<Clip>& clips);

}  // namespace vega::train
