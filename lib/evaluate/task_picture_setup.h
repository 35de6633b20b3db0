// CV-Bench and BLINK-spatial, and ScanRefer and Scan2Cap about frames: questions about still
// pictures.
#pragma once

#include <filesystem>
#include <string>

#include "evaluate/task_frames_setup.h"

namespace vega::evaluate {

// A scene of the plan is the pictures of a question, by their names; questions about the same
// pictures share what is seen. As in the released evaluation a picture is encoded as JPEG and
// decoded, and BLINK's are cut to squares where a question has several sizes; of ScanRefer each
// frame has its number in front of it.
struct PictureSetup final : FramesSetup {
  // Throws as make_task_setup; UsageError also for options that have no use here.
  explicit PictureSetup(const AnswerVerb& options);

  std::filesystem::path input_of(const ScenePlan& pictures) const override;  // the first one
  // Throws InputError: no folder of pictures; none of the questions' pictures is there.
  void check(const TaskPlan& plan) const override;
  void require(const ScenePlan& pictures) const override;
  ShownFrames read(const ScenePlan& pictures) const override;
  std::string describe(const ShownFrames& shown) const override;

 protected:
  void add_switches(Json& switches) const override;

 private:
  bool squares() const { return task == tasks::Task::kBlink; }
};

}  // namespace vega::evaluate
