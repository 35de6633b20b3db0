// A video as a scene: presentation frames, no poses, no intrinsics.
#pragma once

#include <filesystem>

#include "scene/source.h"

namespace vega {

// Frame id = presentation ordinal, time_s = its timestamp. A frame stands in fingerprints for the
// bytes of the whole file, the stream and its ordinal. Orientation, bits and HDR are notes. Where
// findings are collected, frames that cannot be decoded are skipped. Throws InputError, FormatError
// (media/video/video.h): not a video, no frame, damage.
SceneSource open_video(const std::filesystem::path& file, const SourceOptions& options,
                       Findings& findings);

}  // namespace vega
