// Answers to held-out questions about videos, of a model that is shown pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "text/tokenizer.h"
#include "train/validate.h"
#include "train/video_access.h"
#include "vlm/checkpoint.h"
#include "vlm/train_model.h"

namespace vega::train {

struct PictureAsking {
  std::filesystem::path videos;  // DATASET/SCENE.mp4
  std::int64_t frames = 0;       // of each, evenly spread
  VideoAccess access;
  text::Control control_words{};  // within questions
  std::string model_id;           // in the official lines: the name of the run
};

// Looks at all videos that are asked about, without decoding them. Throws InputError: how many are
// missing or cannot be read, and the first ones; a program without videos.
void check_videos(const Validation& validation, const VideoAccess& access);

// Answers as `vega-eval answer vsi` gives them of a checkpoint of this step: the frames of the
// released evaluation, its limit and its stop id. model: tower, Wan and fusion are its own.
// checkpoint: its decoder (TrainModel::snapshot, or a step on disk). Both functions throw as
// scene_answers and its function do.
AnswerSet picture_answers(const vlm::TrainModel& model, const vlm::VlmCheckpoint& checkpoint,
                          const PictureAsking& asking);

}  // namespace vega::train
