// Pictures of correspondence: where features agree between views, and what they match.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "correspondence/summary.h"
#include "evaluate/scene_tokens.h"

namespace vega::evaluate {

// What the frames look like: thumbnails of the feature file, else pictures of the scene file.
// (V), in the order of `loaded`. Throws InputError where neither has any.
std::vector<ImageU8> frame_pictures(const LoadedTokens& loaded, const FeatureReader& features,
                                    const SceneReader& scene);

struct PictureLabels {
  std::string title, subtitle;
};

// The multi-view similarity of each cell's voxel over the frames, colours from the 5 % to the 95 %
// quantile of all frames (turbo, gamma 1.2), so that frames compare; cells whose place no other
// view shows are dimmed. `most` frames, evenly spread.  Source: VEGA-3D, scripts/visualization,
// but for the faults that docs/correspondence.md names.
ImageU8 heat_map(const LoadedTokens& loaded, const CenteredScore& score,
                 const FeatureReader& features, std::size_t tap,
                 const std::vector<ImageU8>& pictures, const PictureLabels& labels,
                 std::int64_t most);

// Mutual matches of `most` adjacent pairs, evenly spread: two frames side by side, the 70 best
// matches as lines. Colour: how far apart the matched places are (green: below a voxel; yellow;
// red: 0.5 m and more), so that a wrong match shows.
ImageU8 match_picture(const LoadedTokens& loaded, const CenteredScore& score,
                      const FeatureReader& features, std::size_t tap,
                      const std::vector<ImageU8>& pictures, const PictureLabels& labels,
                      std::int64_t most);

}  // namespace vega::evaluate
