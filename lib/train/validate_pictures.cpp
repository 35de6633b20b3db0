#include "train/validate_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/stop.h"
#include "base/text.h"
#include "tasks/vsi.h"
#include "train/read_pictures.h"
#include "vlm/frame_questions.h"
#include "vlm/qwen_vl.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kNamedVideos = 3;

// The frames that are shown, and their tokens. Noise hangs on the name of the scene, as in
// evaluation.
vlm::SeenFrames see_video(const vlm::QwenVl& model, const vlm::TrainModel& eyes,
                          const PictureAsking& asking, const std::string& scene) {
  const fs::path path = tasks::vsi_video(asking.videos, scene);
  const std::vector<std::int64_t> ids =
      tasks::vsi_frames(asking.access.look(path).frames, asking.frames);
  const std::vector<ImageU8> images = asking.access.frames(path, ids);
  return model.see_tokens(scene, eyes.see(shown_pictures(scene, ids, images, eyes.checkpoint())));
}

std::vector<Json> ask_videos(const vlm::QwenVl& model, const vlm::TrainModel& eyes,
                             const PictureAsking& asking, std::span<const tasks::Sample> samples) {
  std::vector<Json> out;
  const auto scenes = places_by_scene(samples, asking.model_id, out);
  for (const auto& [scene, places] : scenes) {
    check_stop();
    const vlm::SeenFrames seen = see_video(model, eyes, asking, scene);
    std::vector<vlm::FrameAsk> asks;
    for (const std::size_t i : places) asks.push_back(vlm::frame_ask_of(samples[i]));
    const auto on_reply = [&](std::size_t k, vlm::Reply&& reply) {
      // The released scorer counts blanks at the beginning.
      out[places[k]] =
          tasks::answer_line(samples[places[k]], {.text = std::move(reply.said)}, asking.model_id);
    };
    const auto on_failure = [&](std::size_t k, const std::exception& error) {
      throw InputError(explain("validation: " + scene + ", question " + samples[places[k]].id_text,
                               error.what()));
    };
    const qwen2::GenerationConfig config = vlm::released_generation(
        eyes.checkpoint().generation_folder, model.words(), samples[places[0]].task);
    vlm::answer_all(model, seen, asks, config, {}, on_reply, on_failure);
  }
  return out;
}

}  // namespace

void check_videos(const Validation& validation, const VideoAccess& access) {
  const fs::path folder = validation.options().videos;
  if (!access.look)
    throw InputError(
        explain("--validate", "questions about videos", "a program that is built with videos"));
  std::size_t lacking = 0;
  std::string named;
  for (const std::string& scene : validation.scenes()) {
    check_stop();
    const fs::path path = tasks::vsi_video(folder, scene);
    std::string why;
    try {
      if (!is_filled_file(path))
        why = path.string() + (fs::exists(path) ? ": an empty file" : ": no such file");
      else
        static_cast<void>(tasks::vsi_frames(access.look(path).frames));
    } catch (const InputError& error) {
      why = error.what();
    }
    if (!why.empty() && ++lacking <= kNamedVideos) named += "\n  " + why;
  }
  if (lacking == 0) return;
  throw InputError(explain(
      "--videos " + folder.string(),
      fmt::format("{} of {} cannot be shown", lacking, plural(validation.scenes().size(), "video")),
      "DATASET/SCENE.mp4 of all that --validate asks about",
      "unpack the data set there; first ones:" + named));
}

AnswerSet picture_answers(const vlm::TrainModel& model, const vlm::VlmCheckpoint& checkpoint,
                          const PictureAsking& asking) {
  vlm::QwenVlOptions options;
  options.placement = model.options().placement;
  options.control_words = asking.control_words;
  options.sees_frames = false;  // the eyes are those of the model in training
  const auto answering =
      std::make_shared<const vlm::QwenVl>(checkpoint.pictures->model, checkpoint.words(), options);
  return [answering, asking, &model](std::span<const tasks::Sample> samples) {
    return ask_videos(*answering, model, asking, samples);
  };
}

}  // namespace vega::train
