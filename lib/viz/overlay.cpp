#include "viz/overlay.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace vega {
CoveredQuad covered_quad(const Affine& m, Grid grid) {
  const double right = static_cast<double>(grid.columns) - 0.5;
  const double bottom = static_cast<double>(grid.rows) - 0.5;
  return {apply(m, -0.5, -0.5), apply(m, right, -0.5), apply(m, right, bottom),
          apply(m, -0.5, bottom)};
}

void overlay_cells(ImageU8& picture, std::span<const float> values, Grid grid,
                   const Affine& cell_to_px, const Overlay& overlay) {
  if (values.size() != static_cast<std::size_t>(grid.cells()))
    throw InputError(explain("overlay", std::to_string(values.size()) + " values",
                             std::to_string(grid.columns) + "x" + std::to_string(grid.rows)));
  const Affine px_to_cell = inverse(cell_to_px, "overlay");
  const double range = overlay.high - overlay.low;
  for (int y = 0; y < picture.height; ++y) {
    std::uint8_t* pixel = picture.row(y);
    for (int x = 0; x < picture.width; ++x, pixel += 3) {
      const Point2 at = apply(px_to_cell, x, y);
      const std::ptrdiff_t cell = grid.cell_at(at.x, at.y);
      if (cell < 0) continue;
      const double value = values[static_cast<std::size_t>(cell)];
      const double t = range > 0 ? std::clamp((value - overlay.low) / range, 0.0, 1.0) : 0.5;
      if (std::isnan(value))
        blend_pixel(pixel, {0, 0, 0}, kDimmed);
      else
        blend_pixel(pixel, color_at(overlay.map, std::pow(t, overlay.gamma)), overlay.alpha);
    }
  }
}

}  // namespace vega
