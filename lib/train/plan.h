// `vega-train plan`: what a run would train, read, take and last, before any weight is read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "run/verb.h"
#include "train/options.h"
#include "train/plan_memory.h"
#include "train/plan_time.h"
#include "train/setup.h"
#include "viz/table.h"

namespace vega::train {

struct PlanVerb : TrainVerb {
  TableFormat format = TableFormat::kText;
  double speed = 0;        // TFLOP/s; 0: measured on this machine
  std::int64_t ranks = 1;  // that share each step

  void visit(OptionVisitor& v);
};

// Size and rate of one part that trains.
struct PartCount {
  vlm::Part part{};
  std::int64_t tensors = 0, numbers = 0;
  double rate = 0;
};

// One pass that a step makes: over some questions about one scene.
struct PlannedPass {
  std::size_t scene = 0;
  PassSize size;
  bool first = false;  // of its scene in this step: the visual modules run
};

struct RunPlan {
  std::vector<PartCount> parts;
  MemoryPlan memory;
  bool recompute = true;
  std::int64_t warmup = 0;        // steps
  double passes = 0, tokens = 0;  // of the whole run, as far as steps were looked at
  double seconds = 0;             // of all steps, each as long as its slowest rank computes
  double step_seconds = 0;        // of one, on average
  bool measured = false;          // the speed; else it was stated
  double checkpoint_bytes = 0;    // of one
  double disk_bytes = 0;          // of those that are there at once
};

// What ranks share out (--zero), and how a rank computes a scene.
struct RankShare {
  int ranks = 1, zero = 0;
  bool one_pass = true;  // the decoder reads each scene in one pass: gradients leave during it

  bool keeps(int level) const { return ranks > 1 && zero >= level; }
  bool hands_on_early() const { return keeps(2) && one_pass; }
};
// Whether its fusion reads the question, so that each has tokens of its own.
bool reads_question(const vlm::VlmCheckpoint& planned);
// Of all tensors that train.
double trained_numbers(const vlm::VlmCheckpoint& planned, const vlm::TrainModelOptions& options);
// The sizes of a model in training, from its planned checkpoint's headers.
ModelSize model_size(const vlm::VlmCheckpoint& planned, const vlm::TrainModelOptions& options,
                     const RankShare& share = {});
// Parameters, gradients, moments, their exchange and update, of the rank that keeps the most; the
// rest is 0.
MemoryPlan weight_memory(const vlm::VlmCheckpoint& planned, const vlm::TrainModelOptions& options,
                         const RankShare& share = {});
// The passes over some questions about one scene. visual_tokens: of its block; 0: it is not seen.
std::vector<PassSize> pass_sizes(const vlm::VlmConfig& config, std::int64_t pass_tokens,
                                 std::span<const vlm::TrainSample* const> samples,
                                 std::int64_t visual_tokens);
MemoryPlace memory_place(const Placement& placement);

// The passes of step k. The sampler is setup's.
std::vector<PlannedPass> passes_of_step(const TrainSetup& setup, Sampler& sampler, std::int64_t k);
MemoryPlan planned_memory(const TrainSetup& setup);
// speed: of StepSpeed; times and disk are filled too.
RunPlan planned_run(const TrainSetup& setup, const StepSpeed& speed);

// Sums over the steps [first, last); of seconds those of each step's slowest rank. At most a
// thousand of them are looked at; the others are taken to be like them.
struct StepSums {
  double seconds = 0, tokens = 0, passes = 0;
};
StepSums sums_of_steps(const TrainSetup& setup, const StepSpeed& speed, std::int64_t first,
                       std::int64_t last);

std::string plan_text(const TrainSetup& setup, const RunPlan& plan, TableFormat format);
Json to_json(const TrainSetup& setup, const RunPlan& plan);

// Prints the plan. Throws what TrainSetup throws.
RunResult run_plan(const PlanVerb& options, const Context& context, const VideoAccess& videos = {});
Verb plan_verb(VideoAccess videos = {});

}  // namespace vega::train
