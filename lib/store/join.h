// Files of one scene joined: what a features file and a scene file say about the same frames.
#pragma once

#include <cstddef>

#include "base/image_types.h"
#include "store/features.h"
#include "store/scene_file.h"

namespace vega {

// Depth of frame `row` of a scene file, mm.
ImageU16 depth_map(const SceneReader& scene, const SceneFrames& frames, std::size_t row);

// Colour frame `row`; {0, 0} where it is not known.
ImageSize color_size(const FrameTable& frames, std::size_t row);

// Of axis_align times a source's pose and the pose of a scene file: the release prints six digits
// behind the point, which a rotation of a room of some metres makes 1e-5.
inline constexpr double kScenePoseTolerance = 1e-4;

}  // namespace vega
