// The settings of a run over a benchmark about videos, with a model that is shown their frames.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "evaluate/task_setup.h"
#include "models/qwen2_5_vl/checkpoint.h"
#include "models/qwen2_5_vl/preprocess.h"
#include "text/tokenizer.h"
#include "vlm/qwen_vl.h"

namespace vega::evaluate {

// Qwen2.5-VL and VSI-Bench. A scene of the plan is a video, by its name "DATASET/SCENE".
struct VideoSetup final : TaskSetup {
  qwen2_5_vl::ImageRule rule;
  qwen2_5_vl::Checkpoint checkpoint;
  text::Tokenizer words;
  vlm::QwenVlOptions model;
  bool untrained = false;  // the weights were made up

  // Throws as make_task_setup; UsageError also for options that the model has no use for.
  explicit VideoSetup(const AnswerVerb& options);

  Json run(const std::vector<std::string>& videos) const override;
  std::filesystem::path input_of(const std::string& video) const override;
  // Throws InputError: no folder of videos; none of the questions' videos is there.
  void check(const TaskPlan& plan) const override;
  TaskOutlook look(const TaskPlan& plan, RunReport& report) const override;
  MakeAnswers answers(TaskSession& session) const override;
};

}  // namespace vega::evaluate
