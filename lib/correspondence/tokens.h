// The tokens that correspondence is measured on: features on a grid of cells for each view, the
// world point of every cell, and how much of the cell has a depth.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace vega {

// Views on the arrays of one scene; C order, borrowed.
struct SceneTokens {
  std::int64_t views = 0, grid_h = 0, grid_w = 0, channels = 0;
  std::span<const float> features;  // (V, gh, gw, C)
  std::span<const float> world;     // (V, gh, gw, 3) m, one frame of axes for all views
  std::span<const float> valid;     // (V, gh, gw) share of pixels with a depth, 0..1

  std::int64_t cells() const { return grid_h * grid_w; }
};

// What is taken from the features before they are made unit vectors. Mean and deviation are those
// of the scene's valid tokens, a channel each, in float64. Constant features become zero vectors.
enum class Center {
  kNone,    // as they are: the released score
  kMean,    // minus the mean
  kZScore,  // minus the mean, over the standard deviation (of the population; 0 where it is 0)
};

// The valid tokens of a scene, ordered by view and cell.
struct TokenRows {
  std::int64_t channels = 0;
  std::vector<float> unit;          // (n, C): x / max(|x|, 1e-12); a zero vector stays zero
  std::vector<float> world;         // (n, 3) m
  std::vector<std::int32_t> view;   // (n)
  std::vector<std::int32_t> cell;   // (n) row * gw + column
  std::vector<std::int64_t> first;  // (V + 1): rows [first[v], first[v + 1]) are those of view v
  std::int64_t cells = 0;           // a view's
  // Cells that were left out: too few pixels with depth (or a share or point that is not a number),
  // and otherwise valid ones with features that are not finite.
  std::int64_t without_depth = 0, not_finite = 0;
  std::int64_t zero = 0;  // rows that are zero vectors (kept: their cosine is 0)

  std::int64_t size() const { return static_cast<std::int64_t>(view.size()); }
  std::int64_t views() const { return static_cast<std::int64_t>(first.size()) - 1; }
  const float* row(std::int64_t i) const { return unit.data() + i * channels; }
  std::array<double, 3> point(std::int64_t i) const {
    const float* p = world.data() + 3 * i;
    return {p[0], p[1], p[2]};
  }
};

// min_valid  a cell counts when its share is at least this, compared as float32. The release: 0.1.
// threads    for the work; the result is the same bits for any number.
// Throws InputError: sizes that disagree, channels below 1, min_valid not in 0..1.
// Source: VEGA-3D, scripts/visualization; docs/correspondence.md.
TokenRows token_rows(const SceneTokens& scene, double min_valid, Center center, int threads = 1);

// "none", "mean", "zscore".
const char* to_string(Center center);

}  // namespace vega
