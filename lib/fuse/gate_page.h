// The picture of a gate: maps over the frames of a scene, its histogram, its mean frame by frame.
#pragma once

#include <cstdint>
#include <span>

#include "base/image_types.h"
#include "fuse/statistics.h"
#include "geometry/affine.h"
#include "store/tokens_file.h"

namespace vega::fuse {

struct GatePageOptions {
  std::int64_t frames = 8;   // shown, evenly spread, first and last included
  std::int64_t width = 0;    // pixels of a frame; 0: by their number, 240 to 480
  std::int64_t columns = 0;  // frames side by side; 0: the page comes near 3:2
  bool smooth = false;       // the gate blends from cell to cell instead of having sharp edges
};

// Draws the gate of 14x14 cells over a picture: viridis from 0 (generative) to 1 (semantic),
// `alpha` the weight of the colour; cells outside the generative view are hatched, the view
// outlined. gate, covered: 196. cell_to_px: to pixels of this picture. Throws InputError: other
// numbers of cells, a transform without inverse.
void draw_gate(ImageU8& picture, std::span<const float> gate, std::span<const std::uint8_t> covered,
               const Affine& cell_to_px, double alpha, bool smooth);

// Frames without a thumbnail, or of unknown size, show their cells alone. Where the values are not
// trained a band at the top of the page says so.
// Throws InputError (no gate), FormatError (a damaged file or thumbnail).
ImageU8 gate_page(const TokensReader& reader, const GateStatistics& statistics,
                  const GatePageOptions& options);

}  // namespace vega::fuse
