// Colours of numbers.
#pragma once

#include <string>

#include "viz/canvas.h"

namespace vega {

enum class Colormap {
  kTurbo,   // heat maps: blue, green, red
  kViridis  // strengths: dark blue to yellow, ordered in brightness too
};

// t in 0..1, clamped; NaN: black. Linear between 15 (9) fixed colours of the known maps.
Color color_at(Colormap map, double t);

// A bar from `low` (left) to `high` (right) with both numbers below it; NaN: no numbers.
struct ColorBar {
  Colormap map = Colormap::kTurbo;
  double low = 0, high = 1;
  std::string title;  // right of the bar
};
// The colours from low to high over a rectangle.
void draw_colors(Canvas& canvas, Point2 at, double width, double height, Colormap map);
void draw_color_bar(Canvas& canvas, Point2 at, double width, double height, const ColorBar& bar,
                    Color ink);

}  // namespace vega
