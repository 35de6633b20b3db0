// Texts of any length in lines of a given width.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "viz/canvas.h"

namespace vega {

// Lines that are no wider than `width`, broken at blanks and line ends, within a word where it is
// wider than a line; at most `most` lines, the last one ends in an ellipsis where text is left.
// Control characters are blanks. Of a very long text only the beginning is looked at.
std::vector<std::string> wrap_text(std::string_view text, double width, const TextStyle& style,
                                   std::size_t most);

// Draws them below each other, `at` being the top left corner; returns y below the last one.
double draw_lines(Canvas& canvas, const std::vector<std::string>& lines, Point2 at,
                  const TextStyle& style);
// Height of a line in draw_lines.
double line_height(const TextStyle& style);

}  // namespace vega
