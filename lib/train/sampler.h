// Which samples each step has: a function of the seed and the step alone, so that the position of a
// run is the number of its steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/json.h"
#include "tasks/sample.h"
#include "train/options.h"

namespace vega::train {

// What a sampler looks at of a sample.
struct SampledItem {
  tasks::Task task{};
  std::int64_t length = 0;  // words of both turns
  std::size_t scene = 0;    // any number that tells scenes apart
};

struct SamplerOptions {
  SamplerKind kind = SamplerKind::kTaskLength;
  std::int64_t batch = 128, micro_batch = 1;
  std::int64_t scenes = 4, questions = 16;  // of kScene
  // kTaskLength: the last batch of each group is dropped, complete or not, as released. Of pictures
  // and videos only where there are both.
  bool drop_last = false;
  std::uint64_t seed = 42;
};

// Groups of kTaskLength: ScanQA and SQA3D; Scan2Cap; ScanRefer, Multi3DRefer and Nr3D; SPAR;
// LLaVA-Hound.
int task_group(tasks::Task task);

// One step. Places among the items.
struct SampledStep {
  std::int64_t epoch = 0;                         // from 0
  std::vector<std::vector<std::size_t>> batches;  // its micro-batches

  std::size_t size() const;
};

// task-length: each group in random order, cut into batches; a batch has samples of one group,
//   longest first, dealt to its micro-batches so that these are about equally long; batches of all
//   groups in random order. What is left of a group makes a smaller step, so that each sample is
//   seen once an epoch. Source: VEGA-3D, llava_trainer.py (group_by_task_length), and of pictures
//   and videos qwen_vl/train/sampler.py (group_by_modality_length).
// random: all samples in random order, cut into batches; the last one may be smaller.
// scene: the samples of a scene in random order, cut into `questions`; a round has one such part of
//   every scene that has one left, scenes in random order; `scenes` parts make a step.
class Sampler {
 public:
  // Throws InputError: no items; with drop_last, no step.
  Sampler(std::vector<SampledItem> items, const SamplerOptions& options);

  std::int64_t steps_per_epoch() const { return steps_; }
  // Step k from 0. Keeps the order of one epoch, so for one thread at a time; copies are
  // independent.
  SampledStep step(std::int64_t k);
  // For state.json: {"kind", "step", "epoch", "seed"} before step k.
  Json state(std::int64_t k) const;

 private:
  using Steps = std::vector<std::vector<std::vector<std::size_t>>>;
  Steps plan(std::uint32_t epoch) const;
  void add_task_length(std::uint32_t epoch, Steps& out) const;
  void add_random(std::uint32_t epoch, Steps& out) const;
  void add_scenes(std::uint32_t epoch, Steps& out) const;

  std::vector<SampledItem> items_;
  SamplerOptions options_;
  std::int64_t steps_ = 0, planned_ = -1;  // planned_: epoch of plan_
  Steps plan_;
};

}  // namespace vega::train
