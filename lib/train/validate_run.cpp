#include "train/validate_run.h"

#include <filesystem>
#include <string>

#include "train/data.h"
#include "train/scene_files.h"
#include "train/validate_pictures.h"
#include "train/validate_scenes.h"
#include "vlm/picture_checkpoint.h"

namespace vega::train {
namespace {

vlm::VlmCheckpoint current_model(const AnsweringRun& run, const RunFolder& folder,
                                 std::int64_t step) {
  if (!run.apart) return run.model.snapshot();
  const std::filesystem::path path = folder.path() / step_name(step);
  const vlm::CheckpointOptions how{.base = {}, .tokenizer = {}, .merged = run.setup.recipe.dtype};
  return run.setup.planned.pictures ? vlm::open_picture_checkpoint(path, how)
                                    : vlm::open_checkpoint(path, how);
}

}  // namespace

AnswerSet answers_of(const AnsweringRun& run, const Validation& validation, const RunFolder& folder,
                     std::int64_t step) {
  const Recipe& recipe = run.setup.recipe;
  const vlm::VlmCheckpoint& checkpoint = run.model.checkpoint();
  const std::string name = folder.path().filename().string();
  if (checkpoint.pictures)
    return picture_answers(run.model, current_model(run, folder, step),
                           {validation.options().videos, validation.options().frames,
                            run.setup.videos, recipe.model.switches.control_words, name});
  SceneAsking how;
  how.model = {recipe.model.placement, recipe.model.switches};
  how.model.switches.spatial_instruction = false;  // of training alone, as released
  how.model_id = name;
  how.read_scene = [&recipe, &checkpoint,
                    objects = validation.needs_objects()](const std::string& scene) {
    return read_place(place_of(scene, recipe, checkpoint, objects), recipe, checkpoint);
  };
  return scene_answers(current_model(run, folder, step), how);
}

}  // namespace vega::train
