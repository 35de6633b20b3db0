// The settings of a run over a benchmark, resolved before its model is loaded: what all kinds of
// models share, and what they differ in.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "evaluate/answer_options.h"
#include "evaluate/task_plan.h"
#include "models/qwen2/config.h"
#include "models/qwen2/generation_config.h"
#include "run/report.h"
#include "run/run.h"
#include "run/shard.h"
#include "scene/scan_job.h"
#include "tasks/sample.h"

namespace vega::evaluate {

struct TaskSession;

// What a dry run finds of the scenes that are left: how many are there, what is missing, and what
// there is to compute.
struct TaskOutlook {
  std::string counts;         // "scenes: 3 ready, 0 to be made from scans, 1 missing"
  std::string missing_lines;  // a line each
  std::string forecast;       // empty: nothing is ready
  std::size_t missing = 0;

  // A scene that cannot be answered, and why. Returns its item for the report.
  ItemReport add_missing(const ScenePlan& scene, const std::string& why);
};
// The item of a scene before anything is asked about it.
ItemReport unanswered(const ScenePlan& scene);

struct TaskSetup {
  const AnswerVerb& options;
  tasks::Task task;
  Shard shard;
  at::Device device;
  DType type;
  qwen2::GenerationConfig config;
  tasks::SampleFile questions;
  std::string unit = "scene";  // what questions are about

  virtual ~TaskSetup() = default;
  TaskSetup(const TaskSetup&) = delete;
  TaskSetup& operator=(const TaskSetup&) = delete;

  std::string task_name() const;
  // The name of the model in official lines: that of its folder; "RUN_checkpoint-100" of
  // RUN/checkpoint-100.
  std::string model_id() const;

  // run.json, with the cache keys of the scenes whose files are there.
  virtual Json run(const std::vector<std::string>& scenes) const = 0;
  // Where what a scene is made of lies, for the report.
  virtual std::filesystem::path input_of(const ScenePlan& scene) const = 0;
  // Settings with which no scene of the benchmark could be answered: the run's own error, not one
  // of each scene. Looks at folders and headers alone. Throws InputError, UsageError.
  virtual void check(const TaskPlan& plan) const = 0;
  // Of a dry run; what is missing goes to the report, too.
  virtual TaskOutlook look(const TaskPlan& plan, RunReport& report) const = 0;
  // How the questions of a scene are answered. What it refers to must outlive it.
  using MakeAnswers = std::function<std::unique_ptr<ItemWork>(const ScenePlan&)>;
  virtual MakeAnswers answers(TaskSession& session) const = 0;

 protected:
  // Throws UsageError, DeviceError, InputError, FormatError (no such questions).
  explicit TaskSetup(const AnswerVerb& options);

  struct ModelFacts {
    std::string checkpoint, fingerprint, family;
    Json switches;
  };
  // The members of run.json before and behind those that a kind of models has for itself.
  Json begin_run(const ModelFacts& model) const;
  void end_run(Json& run, Json inputs) const;

  // "forecast: ...": the decoder's part. visual: tokens of a usual scene.
  std::string forecast_text(const qwen2::Config& text, double visual, const TaskPlan& plan) const;
};

// Of the model that the options name. make: how files of a scene that are not there are made.
// Throws UsageError, DeviceError, InputError (no such checkpoint or questions; a checkpoint without
// what the benchmark needs), FormatError.
std::unique_ptr<TaskSetup> make_task_setup(const AnswerVerb& options, const MakeScanPart& make,
                                           const Context& context);

}  // namespace vega::evaluate
