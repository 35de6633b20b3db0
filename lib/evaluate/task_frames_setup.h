// The settings of a run over a benchmark with a model that is shown pictures: what questions about
// videos and about still pictures share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "evaluate/shown_frames.h"
#include "evaluate/task_setup.h"
#include "models/qwen2_5_vl/checkpoint.h"
#include "models/qwen2_5_vl/preprocess.h"
#include "text/tokenizer.h"
#include "vlm/qwen_vl.h"

namespace vega::evaluate {

// Qwen2.5-VL. A scene of the plan is what one look serves: a video, a picture, pictures that are
// seen together.
struct FramesSetup : TaskSetup {
  std::filesystem::path folder;  // of config.json: of a run that of its newest step
  qwen2_5_vl::ImageRule rule;
  qwen2_5_vl::Checkpoint checkpoint;
  text::Tokenizer words;
  vlm::QwenVlOptions model;
  bool untrained = false;  // the weights were made up
  bool says_each = true;   // a line in the log for each scene

  Json run(const std::vector<std::string>&) const override;
  TaskOutlook look(const TaskPlan& plan, RunReport& report) const override;
  MakeAnswers answers(TaskSession& session) const override;

  // Throws InputError: what a scene is made of is not there.
  virtual void require(const ScenePlan& scene) const = 0;
  // Decodes it: --frames of a video or scan, where nothing else is said. Throws InputError,
  // FormatError.
  virtual ShownFrames read(const ScenePlan& scene) const;
  // "32 of 40 frames: 32 frames of 504x392, 252 tokens each".
  virtual std::string describe(const ShownFrames& shown) const;

 protected:
  // Throws as make_task_setup; UsageError also for options that the model has no use for.
  explicit FramesSetup(const AnswerVerb& options);

  // What run.json says of how pictures are chosen and made, besides the model's own settings.
  virtual void add_switches(Json& switches) const;
};

}  // namespace vega::evaluate
