// Pictures and videos of a scene as a model in training is given them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "train/data.h"
#include "train/video_access.h"

namespace vega::train {

// The networks for which pictures are prepared.
struct Eyes {
  bool tower = true, wan = true;
};
// Pictures of one size as tower and Wan read them. ids: of each; the noise hangs on them. Throws
// InputError (pictures of several sizes).
vlm::SceneInput shown_pictures(const std::string& key, const std::vector<std::int64_t>& ids,
                               const std::vector<ImageU8>& images,
                               const vlm::VlmCheckpoint& checkpoint, const Eyes& eyes = {});

// Pictures of a scene, decoded and marked, as shown_pictures makes them, or what was made of them
// and stored (train/stored_pictures.h). Throws InputError,
// FormatError (a file that cannot be decoded, or has another size than before the first step).
vlm::SceneInput read_pictures(const ScenePlace& place, const Recipe& recipe,
                              const vlm::VlmCheckpoint& checkpoint, const VideoAccess& videos);

}  // namespace vega::train
