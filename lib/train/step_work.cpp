#include "train/step_work.h"

#include <algorithm>

namespace vega::train {

std::vector<StepScene> step_scenes(const SampledStep& step, const TrainingData& data,
                                   Division division) {
  std::vector<std::vector<Counted>> counted;
  for (const auto& batch : step.batches) {
    counted.emplace_back();
    for (const std::size_t i : batch) {
      const DataSample& one = data.samples[i];
      counted.back().push_back({one.targets, tasks::is_grounding(one.sample.task)});
    }
  }
  const auto weights = divided(counted, division);
  std::vector<StepScene> out;
  for (std::size_t b = 0; b < step.batches.size(); ++b)
    for (std::size_t n = 0; n < step.batches[b].size(); ++n) {
      const std::size_t i = step.batches[b][n];
      const std::size_t scene = data.samples[i].scene;
      auto found = std::ranges::find(out, scene, &StepScene::scene);
      if (found == out.end()) {
        out.push_back({scene, {}, {}});
        found = out.end() - 1;
      }
      found->samples.push_back(i);
      found->weights.push_back(weights[b][n]);
    }
  return out;
}

}  // namespace vega::train
