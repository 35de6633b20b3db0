// The walks that `vega-train world` is trained on: their frames, and their pictures as the network
// sees them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "scene/source.h"
#include "train/world/clips.h"
#include "train/world/recipe.h"

namespace vega::train {

struct Walk {
  std::string key;
  SceneSource source;
  std::vector<std::size_t> frames;  // indices into source.frames, each once, in the walk's order
};

// Opens every walk and selects its frames; reads no picture. Throws InputError, FormatError,
// Stopped.
std::vector<Walk> open_walks(const WorldRecipe& recipe);

std::size_t picture_count(std::span<const Walk> walks);

// A key of the frames of all walks: their ids and encoded bytes, which are read. Throws InputError,
// FormatError, Stopped.
std::string fingerprint_of(std::span<const Walk> walks, int threads);

// Frames of a clip, for messages: "room1003, frames 20, 40, 60, mirrored".
std::string clip_text(std::span<const Walk> walks, const Clip& clip);

// Decodes the frames at `places` of a walk (ascending) and gives each picture, (3, height, width)
// float32 in [-1, 1] of recipe.size, to take(n, picture), n counting in `places`: several at a
// time, from any thread. Throws InputError: a picture that cannot be read; Stopped.
void read_pictures(const Walk& walk, std::span<const std::size_t> places, const WorldRecipe& recipe,
                   const std::function<void(std::size_t n, at::Tensor&& picture)>& take);

}  // namespace vega::train
