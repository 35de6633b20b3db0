// Lettering for pictures: a small stroke font of our own, printable ASCII and a few signs.
#pragma once

#include <string>
#include <string_view>

#include "base/image_types.h"
#include "viz/draw.h"

namespace vega {

// Capitals are 8 * scale pixels from the middle of the upper stroke to the middle of the lower
// one; scale 1 is the smallest that reads well. Strokes are about scale pixels wide, more in bold.
struct TextStyle {
  Color color;
  double scale = 1.25;
  bool bold = false;
};

// Pixels from the left edge of the first glyph to the right edge of the last one.
int text_width(std::string_view text, const TextStyle& style);

// From the top of capitals to the baseline, stroke included; descenders hang below by 3 * scale.
int text_height(const TextStyle& style);

// What of the text `x` is.
enum class Anchor { kLeft, kCenter, kRight };

// Draws one line; y is the top of capitals. What leaves the image is cut off. UTF-8; beyond
// printable ASCII there are × · – — →; any other character is an empty box.
void draw_text(ImageU8& image, int x, int y, std::string_view text, const TextStyle& style,
               Anchor anchor = Anchor::kLeft);

// `text`, or its beginning with "..", whatever fits into `width` pixels (down to nothing).
std::string fit_text(std::string_view text, int width, const TextStyle& style);

}  // namespace vega
