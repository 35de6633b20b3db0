// VSI-Bench: questions about videos.
#pragma once

#include <filesystem>
#include <string>

#include "evaluate/task_frames_setup.h"

namespace vega::evaluate {

// A scene of the plan is a video, by its name "DATASET/SCENE".
struct VideoSetup final : FramesSetup {
  // Throws as make_task_setup; UsageError also for options that have no use here.
  explicit VideoSetup(const AnswerVerb& options);

  std::filesystem::path input_of(const ScenePlan& video) const override;
  // Throws InputError: no folder of videos; none of the questions' videos is there.
  void check(const TaskPlan& plan) const override;
  void require(const ScenePlan& video) const override;
};

}  // namespace vega::evaluate
