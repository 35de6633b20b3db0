// What a run over a benchmark is before its model is loaded.
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
  // What official lines call the model: the folder's name; "RUN_checkpoint-100" of
  // RUN/checkpoint-100.
  std::string model_id() const;
  // Where a scene's files are looked for: its scan, where there is one, or its key.
  ScanInputs inputs_of(const std::string& scene) const;

  // run.json, with the cache keys of the scenes whose files are there.
  Json run(const std::vector<std::string>& scenes) const;
};

}  // namespace vega::evaluate
