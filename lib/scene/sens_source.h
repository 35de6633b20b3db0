// A ScanNet sensor stream as a scene: no picture file is ever written.
#pragma once

#include <filesystem>

#include "scene/source.h"

namespace vega {

// Whether the file starts like a `.sens` of any version.
bool is_sens(const std::filesystem::path& file);

// Frame id = index in the stream; frames whose pose is not finite or singular, or without a
// picture, are left out (the first are counted). Intrinsics are the stream's. Time stamps are
// seconds; 0 is one where others are not 0 and none came before. Throws FormatError (media/sens.h);
// no frame left is an error finding.
SceneSource open_sens(const std::filesystem::path& file, const SourceOptions& options,
                      Findings& findings);

}  // namespace vega
