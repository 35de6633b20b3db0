// The drawings of the letters (font.h).
#pragma once

#include <cstdint>
#include <string_view>

namespace vega {

// The strokes of a character, apart by spaces. A stroke is a list of points, two characters each,
// x then y in base 36 (0-9a-z): a polyline; after '~' a curve from the first to the last point
// that the others attract; after '@' a closed curve; after '.' a dot.
// y: capitals 0..16, small letters 6..16, descenders to 22; x: from 0, as wide as needed.
// Unknown characters give an empty box.
std::string_view glyph_strokes(std::uint32_t character);

}  // namespace vega
