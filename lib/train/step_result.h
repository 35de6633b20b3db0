// Losses and counts of one step of training, their line in metrics.jsonl, and the sums that a
// checkpoint holds.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "vlm/train_model.h"

namespace vega::train {

struct StepResult {
  double loss = 0, norm = 0, seconds = 0;  // norm: of the gradient, before it is cut
  std::map<std::string, std::pair<double, double>> by_task;  // sum of losses, of their weights
  double gate = 0;                                           // sum over passes that have one
  std::int64_t gates = 0, targets = 0, samples = 0, tokens = 0;
  std::vector<std::string> bad;  // samples whose loss is not finite

  // Adds the samples of one scene, in the order of the pass.
  void add(std::span<const vlm::TrainSample> of_scene, const vlm::PassResult& pass);

  // The sums alone, for other ranks, with every bit; and what another rank's are added to.
  Json sums() const;
  void add(const Json& sums);
};

// The line of a step in metrics.jsonl (docs/training.md). step: steps that are done, this one
// included; per_epoch: steps of an epoch; memory: bytes.
Json metrics_line(const StepResult& result, std::int64_t step, std::int64_t per_epoch,
                  const std::map<std::string, double>& rates, std::int64_t memory);

// Sums over all steps of a run.
struct Counters {
  std::int64_t samples = 0, targets = 0, tokens = 0;
  double seconds = 0;

  explicit Counters(const Json& json = {});
  void add(const StepResult& result);
  Json json() const;
};

}  // namespace vega::train
