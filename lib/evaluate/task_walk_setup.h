// SQA3D with a model that is shown pictures: questions about scans, of which it sees frames.
#pragma once

#include <filesystem>
#include <string>

#include "evaluate/task_frames_setup.h"

namespace vega::evaluate {

// A scene of the plan is a scan, by its name: SCENE below --scans (a folder of frames, a scan, a
// .sens stream), or the video SCENE.mp4. No release evaluates SQA3D so; frames are chosen as of
// VSI-Bench's videos, and the words are those of Video-3D-LLM.
struct WalkSetup final : FramesSetup {
  // Throws as make_task_setup; UsageError also for options that have no use here.
  explicit WalkSetup(const AnswerVerb& options);

  std::filesystem::path input_of(const ScenePlan& scan) const override;
  // Throws InputError: no folder of scans; none of the questions' scans is there.
  void check(const TaskPlan& plan) const override;
  void require(const ScenePlan& scan) const override;
};

}  // namespace vega::evaluate
