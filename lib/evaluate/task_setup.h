// The settings of a run over a benchmark, resolved before its model is loaded.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "evaluate/answer_inputs.h"
#include "run/shard.h"
#include "tasks/sample.h"
#include "vlm/checkpoint.h"
#include "vlm/switches.h"

namespace vega::evaluate {

struct TaskSetup {
  const AnswerVerb& options;
  tasks::Task task;
  Shard shard;
  at::Device device;
  DType type;
  vlm::VlmCheckpoint checkpoint;
  qwen2::GenerationConfig config;
  vlm::Switches switches;
  tasks::SampleFile questions;
  ScanInputs inputs;   // of every scene, without the scene
  NeededParts needed;  // by every scene
  ObjectKind objects;  // that grounding chooses from

  // Throws UsageError, DeviceError, InputError (no such checkpoint or questions; a checkpoint
  // without what the benchmark needs), FormatError.
  explicit TaskSetup(const AnswerVerb& options);

  std::string task_name() const;
  // The name of the model in official lines: that of its folder; "RUN_checkpoint-100" of
  // RUN/checkpoint-100.
  std::string model_id() const;
  // The places of a scene's files: found by its scan, where there is one, or by its key.
  ScanInputs inputs_of(const std::string& scene) const;
  FileChoice choice() const { return {objects, options.tap, options.allow_mismatch}; }

  // run.json, with the cache keys of the scenes whose files are there.
  Json run(const std::vector<std::string>& scenes) const;
};

}  // namespace vega::evaluate
