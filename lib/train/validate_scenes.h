// Answers to held-out questions of a model that reads files of scenes.
#pragma once

#include <functional>
#include <string>

#include "train/validate.h"
#include "vlm/scene.h"
#include "vlm/vlm.h"

namespace vega::train {

// The run's model, and how its scenes are read.
struct SceneAsking {
  vlm::VlmOptions model;
  // Reads one scene by its key, as a checkpoint of this kind needs it.
  std::function<vlm::SceneInput(const std::string& scene)> read_scene;
  std::string model_id;  // in the official lines: the name of the run
};

// Greedy answers of the checkpoint, whose model lives as long as the function. Throws DeviceError,
// FormatError; the function Stopped, InputError (a question that cannot be answered, with its id).
AnswerSet scene_answers(vlm::VlmCheckpoint checkpoint, const SceneAsking& asking);

}  // namespace vega::train
