// Which pixels the cells of two streams look at, and generative features where semantic cells look.
#pragma once

#include <cstdint>
#include <vector>

#include "base/choice.h"
#include "geometry/affine.h"
#include "geometry/grid.h"

namespace vega {

// How the cells of the two streams meet.
enum class AlignMode { kReference, kPixel };
inline constexpr Choice<AlignMode> kAlignModes[] = {
    {AlignMode::kReference, "reference",
     "cell by cell, as released, though the generative view may be a crop"},
    {AlignMode::kPixel, "pixel",
     "generative features where the semantic cell looks, semantic tokens where they see nothing"}};

// How the cells of `target` see the cells of `source`; one frame.
struct Alignment {
  // (target cells): 1 where the centre of the cell lies in the source's rectangle.
  std::vector<std::uint8_t> covered;
  // Share of the target's rectangle inside the source's. Both are of axis-aligned transforms.
  double area = 0;
  // (target cells, source cells), rows sum to 1: the mean of bilinear samples on a regular raster
  // over the part of the cell that the source covers, as fine as the source's cells; within half a
  // cell of its border the border cells count. Rows of cells that are not covered are 0. Where both
  // grids look at the same pixels this is the identity.
  std::vector<float> weights;
};

// target, source: cell_to_px of each, to pixels of the same frame. A cell takes as many samples an
// axis as it spans source cells, rounded to the nearest whole number, at least one.
// Throws InputError: an empty grid, a transform without inverse.
Alignment align(const Affine& target, Grid target_grid, const Affine& source, Grid source_grid);

}  // namespace vega
