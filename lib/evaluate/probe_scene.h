// The cells of one scene for `vega-eval probe`: what they show, and the features that are asked.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "evaluate/probe_recipe.h"
#include "store/features.h"
#include "store/scene_file.h"

namespace vega::evaluate {

// What all cells of one grid over the frames of a scene show. Sets with the same cells share one.
struct CellTruth {
  Grid grid;
  std::vector<std::size_t> scene_row;  // V, of the scene file
  std::vector<Affine> cell_to_px;      // V
  std::vector<ImageSize> color;        // V
  std::vector<float> target;           // (V, cells, kSpaceTargets): depth, height, normal; m
  std::vector<std::int32_t> label;     // (V, cells): number in `names`; -1 none
  FloorLevel floor;
};

// The cells of one set that count: those with depth and finite features.
struct SetCells {
  std::shared_ptr<const CellTruth> truth;
  std::vector<std::int64_t> cell;  // numbers in `truth`, ascending
  at::Tensor x;  // (n, P + channels) float32: the row and the column of the cell, one-hot (P of
                 // them: rows + columns of the grid), then the features
  at::Tensor y;  // (n, kSpaceTargets) float32
  std::int64_t channels = 0, not_finite = 0, frames = 0;
  std::string tap, cache_key;

  std::int64_t place() const { return truth->grid.rows + truth->grid.columns; }
  std::vector<std::int32_t> labels() const;  // n
};

struct SceneCells {
  std::vector<std::string> names;  // of labels in this scene
  std::vector<SetCells> sets;      // in the recipe's order
};

// Reads depth maps and features of scene `key` for all sets; frames that a file holds twice count
// once. Throws InputError (a file that is not there, files that are not of the same frames, no cell
// with depth), FormatError.
SceneCells read_scene_cells(const ProbeRecipe& recipe, const std::string& key,
                            const std::filesystem::path& scene);

}  // namespace vega::evaluate
