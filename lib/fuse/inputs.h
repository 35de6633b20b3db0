// The files of one scene that are fused, and whether they belong together.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "fuse/recipe.h"
#include "fusion/align.h"
#include "run/items.h"
#include "store/features.h"
#include "store/scene_file.h"

namespace vega::fuse {

inline constexpr Grid kSemanticGrid{kCellGrid, kCellGrid}, kTokens{kTokenGrid, kTokenGrid};

struct SceneInputs {
  std::unique_ptr<const FeatureReader> generative, semantic;  // semantic: null without --semantic
  std::unique_ptr<const SceneReader> scene;                   // null without --scenes
  std::size_t generative_tap = 0, semantic_tap = 0;
  FrameTable frames;  // of the generative file

  const TapInfo& generative_info() const { return generative->taps()[generative_tap]; }
  const TapInfo& semantic_info() const { return semantic->taps()[semantic_tap]; }
  Grid generative_grid() const;

  // cell_to_px of the 14x14 tokens of a frame: the semantic grid pooled; without one the generative
  // one resized.
  Affine token_cells(std::size_t frame) const;
};

// Opens DIR/KEY.h5 of --semantic and --scenes. Throws InputError that says what differs: keys,
// frames (which first), poses, sizes of the colour frames, grids, views; FormatError.
SceneInputs open_inputs(const Item& item, const Recipe& recipe);

}  // namespace vega::fuse
