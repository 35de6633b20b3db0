// The settings of a run over a benchmark about scans, with a model that reads files of features.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "evaluate/answer_inputs.h"
#include "evaluate/task_setup.h"
#include "vlm/checkpoint.h"
#include "vlm/switches.h"

namespace vega::evaluate {

struct SceneSetup final : TaskSetup {
  const MakeScanPart& make;
  const Context& context;
  vlm::VlmCheckpoint checkpoint;
  vlm::Switches switches;
  ScanInputs inputs;   // of every scene, without the scene
  NeededParts needed;  // by every scene
  ObjectKind objects;  // that grounding chooses from

  // Throws as make_task_setup.
  SceneSetup(const AnswerVerb& options, const MakeScanPart& make, const Context& context);

  // The places of a scene's files: found by its scan, where there is one, or by its key.
  ScanInputs inputs_of(const std::string& scene) const;
  FileChoice choice() const { return {objects, options.tap, options.allow_mismatch}; }

  Json run(const std::vector<std::string>& scenes) const override;
  std::filesystem::path input_of(const ScenePlan& scene) const override {
    return inputs_of(scene.scene).scene;
  }
  void check(const TaskPlan& plan) const override;
  TaskOutlook look(const TaskPlan& plan, RunReport& report) const override;
  MakeAnswers answers(TaskSession& session) const override;
};

}  // namespace vega::evaluate
