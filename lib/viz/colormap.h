// Colours of numbers.
#pragma once

#include <string>

#include "base/image_types.h"
#include "viz/draw.h"

namespace vega {

enum class Colormap {
  kTurbo,   // heat maps: blue, green, red
  kViridis  // strengths: dark blue to yellow, ordered in brightness too
};

// t in 0..1, clamped; NaN: black. Linear between 15 (9) fixed colours of the known maps.
Color color_at(Colormap map, double t);

// A bar from `low` (left) to `high` (right) with both numbers below it; NaN: no numbers.
// Drawn into (x, y, width, height + lettering).
struct ColorBar {
  Colormap map = Colormap::kTurbo;
  double low = 0, high = 1;
  std::string title;  // right of the bar
};
void draw_color_bar(ImageU8& image, int x, int y, int width, int height, const ColorBar& bar,
                    Color ink);

}  // namespace vega
