// Which frames of a scene are used, and what is said of them in the output.
#pragma once

#include <string>
#include <vector>

#include "extract/frame_cache.h"
#include "extract/recipe.h"
#include "run/items.h"
#include "scene/source.h"
#include "store/features.h"

namespace vega::extract {

// The frames of a scene in the order of use; a frame that is used twice is computed once.
struct Chosen {
  std::vector<std::size_t> frames;             // indices into the source, distinct
  std::vector<std::vector<std::size_t>> rows;  // rows of the output that each of them fills
  std::vector<std::size_t> frame_of_row;       // index into `frames`

  // Without some of `frames` (ascending indices) and their rows.
  void drop(const std::vector<std::size_t>& lost);
};

// Throws InputError (scene/select.h), FormatError (frames:DIR).
Chosen choose(const SceneSource& source, const Item& item, const Recipe& recipe);

// Of ids, encoded bytes and poses, row by row. The cache must have been read.
std::string input_fingerprint(const SceneSource& source, const Chosen& chosen,
                              const FrameCache& cache);

// One entry a row. The cache must have been decoded.
FrameTable frame_table(const SceneSource& source, const Chosen& chosen, const FrameCache& cache,
                       bool thumbs);

}  // namespace vega::extract
