// Conversations about pictures and videos, ready to train a model on that is shown them.
// Source: VEGA-3D (branch spatial-reasoning), qwen_vl/data/data_qwen.py.
#pragma once

#include "train/data.h"
#include "train/video_access.h"

namespace vega::train {

// `checkpoint` as vlm::planned_checkpoint makes it, with PictureParts. Reads annotations, headers
// of pictures and packets of videos; with Recipe::assumed_frames no picture and no video: 640x480,
// and so many frames of a video. Files stand in the digest by their names and sizes.
// A scene is a video, or the pictures and marks of some records; its key is the video's name, or
// that of the first picture with a digest of all of them.
// Throws InputError: files are missing or cannot be read (how many scenes, the first ones),
// pictures of several sizes in one record; no sample is left; questions about scans; FormatError.
TrainingData read_picture_data(const Recipe& recipe, const vlm::VlmCheckpoint& checkpoint,
                               const VideoAccess& videos);

}  // namespace vega::train
