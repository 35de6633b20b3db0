#include "train/video/video_files.h"

#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"
#include "media/video/video.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

VideoLook look_at(const fs::path& path) {
  Video video(path);
  VideoLook out;
  const auto& index = video.index();
  out.frames = static_cast<std::int64_t>(index.size());
  out.size = video.info().size;
  out.frames_per_s = video.info().frames_per_s;
  if (std::isfinite(out.frames_per_s) && out.frames_per_s > 0) return out;
  // The container does not say: by the times of the first and the last frame.
  const double seconds = index.back().time_s - index.front().time_s;
  out.frames_per_s = static_cast<double>(out.frames - 1) / seconds;
  if (std::isfinite(out.frames_per_s) && out.frames_per_s > 0) return out;
  throw InputError(explain(path.string(), "a video without frame rate and times",
                           "one whose container has either", "write it anew with ffmpeg"));
}

std::vector<ImageU8> frames_of(const fs::path& path, std::span<const std::int64_t> ordinals) {
  std::vector<ImageU8> out;
  Video(path).decode(ordinals, [&](VideoFrame&& frame) { out.push_back(std::move(frame.image)); });
  return out;
}

}  // namespace

VideoAccess video_files() { return {look_at, frames_of}; }

}  // namespace vega::train
