// How training reads videos: the program hands it over (train/video/video_files.h), so that what
// needs none is not linked with libav.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "base/image_types.h"

namespace vega::train {

struct VideoLook {
  std::int64_t frames = 0;
  double frames_per_s = 0;  // on average
  ImageSize size;           // upright
};

struct VideoAccess {
  // Reads the packets of a video without decoding. Throws InputError, FormatError.
  std::function<VideoLook(const std::filesystem::path&)> look;
  // Pictures of these frames (ascending, each once), upright. Throws likewise.
  std::function<std::vector<ImageU8>(const std::filesystem::path&, std::span<const std::int64_t>)>
      frames;
};

}  // namespace vega::train
