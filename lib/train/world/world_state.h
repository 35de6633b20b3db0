// The generator in training: its weights, its optimiser, the running mean of its weights, and their
// way into checkpoints and back.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "models/wan/train_dit.h"
#include "nn/parameters.h"
#include "nn/weight_table.h"
#include "train/optimizer.h"
#include "train/run_folder.h"
#include "train/world/recipe.h"

namespace vega::train {

// The values that training begins with, float32 on the CPU: those of recipe.from, else initial_dit
// of the seed. Throws InputError, FormatError.
Parameters starting_values(const WorldRecipe& recipe);

class WorldState {
 public:
  // values: all tensors of the network. prompt: (n, text_dim) float32, read where a text part is
  // not silent. Throws InputError.
  WorldState(const WorldRecipe& recipe, const Parameters& values, const at::Tensor& prompt);

  const wan::TrainDit& network() const { return network_; }
  const at::Tensor& prompt() const { return prompt_; }
  Optimizer& optimizer() { return optimizer_; }
  std::int64_t trained_numbers() const;

  // Moves the running mean towards the weights after `done` steps: it keeps min(ema, n / (n + 10)).
  void average(std::int64_t done);

  // Throws OutputError: older checkpoints stay.
  void save(RunFolder& folder, std::int64_t step, const Json& state) const;
  // Throws FormatError: a tensor that is missing, unknown or of another shape.
  void restore(const RunFolder& folder, const StepFolder& step);

 private:
  double ema_;
  std::vector<TrainedTensor> trained_;
  std::vector<at::Tensor> averages_;  // of trained_, in order
  WeightTable weights_;
  at::Tensor prompt_;
  wan::TrainDit network_;
  Optimizer optimizer_;
};

}  // namespace vega::train
