#include "train/validate_scenes.h"

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "models/qwen2/generation_config.h"
#include "vlm/prediction.h"
#include "vlm/questions.h"

namespace vega::train {
namespace {

// Each scene is seen once. All samples are of one task.
std::vector<Json> ask_scenes(const vlm::Vlm& model, const SceneAsking& asking,
                             std::span<const tasks::Sample> samples) {
  std::vector<Json> out;
  const auto scenes = places_by_scene(samples, asking.model_id, out);
  const qwen2::GenerationConfig config =
      qwen2::benchmark_generation(model.checkpoint().generation_folder);
  for (const auto& [scene, places] : scenes) {
    vlm::VisualScene seen = model.see(asking.read_scene(scene));
    std::vector<vlm::Ask> asks;
    for (const std::size_t i : places) asks.push_back(vlm::ask_of(samples[i]));
    const auto keep = [&](std::size_t k, const tasks::Prediction& prediction) {
      out[places[k]] = tasks::answer_line(samples[places[k]], prediction, asking.model_id);
    };
    const auto on_failure = [&](std::size_t k, const std::exception& error) {
      throw InputError(explain("validation: " + scene + ", question " + samples[places[k]].id_text,
                               error.what()));
    };
    if (tasks::is_grounding(samples[places[0]].task)) {
      if (!seen.input().has_objects())
        throw InputError(explain("validation: " + scene, "no objects to choose from",
                                 "annotated objects or proposals", seen.input().no_objects));
      const auto on_found = [&](std::size_t k, vlm::Grounding&& found) {
        keep(k, vlm::prediction_of(seen.input(), found, asking.model.switches.geometry));
      };
      vlm::ground_all(model, seen, asks, {}, on_found, on_failure);
    } else {
      const auto on_reply = [&](std::size_t k, vlm::Reply&& reply) {
        keep(k, {.text = std::move(reply.text)});
      };
      vlm::answer_all(model, seen, asks, config, {}, on_reply, on_failure);
    }
  }
  return out;
}

}  // namespace

AnswerSet scene_answers(vlm::VlmCheckpoint checkpoint, const SceneAsking& asking) {
  const auto model = std::make_shared<const vlm::Vlm>(std::move(checkpoint), asking.model);
  return [model, asking](std::span<const tasks::Sample> samples) {
    return ask_scenes(*model, asking, samples);
  };
}

}  // namespace vega::train
