// A ScanNet sensor stream as a scene: no picture file is ever written.
#pragma once

#include <filesystem>

#include "scene/source.h"

namespace vega {

// Whether the file starts like a `.sens` of any version.
bool is_sens(const std::filesystem::path& file);

// Frame id = index in the stream; frames without a finite pose or without a picture are dropped
// (the first are counted). Intrinsics are the stream's, time stamps in seconds where they are not 0
// throughout. Throws InputError (cannot be opened, no frame left), FormatError (media/sens.h).
SceneSource open_sens(const std::filesystem::path& file, const SourceOptions& options);

}  // namespace vega
