// The one surface that pictures are drawn on: pixels and PDF through Cairo, SVG with real text.
// (0, 0) is the top left corner, x to the right, y downwards: the pixel in column 3 and row 2
// reaches from (3, 2) to (4, 3). A unit is a pixel of a picture, a point (1/72 inch) of a page.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/image_types.h"
#include "geometry/affine.h"

namespace vega {

struct Color {
  std::uint8_t r = 0, g = 0, b = 0;
  friend bool operator==(const Color&, const Color&) = default;
};

using Path = std::vector<Point2>;

// Strokes have round joins and, unless they are dashed, round ends.
struct Pen {
  Color color;
  double width = 1;
  double alpha = 1;
  std::vector<double> dashes = {};  // lengths of dash, gap, dash, ...; none: a solid line
};

// What of the text stands at its place.
enum class Anchor { kLeft, kCenter, kRight };

struct TextStyle {
  Color color;
  double size = 12;  // of the font; capitals are 0.73 of it
  bool bold = false;
  Anchor anchor = Anchor::kLeft;
  double turn = 0;  // degrees, counterclockwise
};

class Canvas {
 public:
  virtual ~Canvas() = default;
  // Open lines; a line of one point is a dot as wide as the pen.
  virtual void stroke(std::span<const Path> lines, const Pen& pen) = 0;
  // The inside of closed paths; where two of them overlap is outside.
  virtual void fill(std::span<const Path> shape, Color color, double alpha = 1) = 0;
  // Until unclip, nothing outside of the shape is drawn.
  virtual void clip(std::span<const Path> shape) = 0;
  virtual void unclip() = 0;
  // A picture over the rectangle at `at`; its pixels blend into one another where they grow.
  virtual void image(const ImageU8& image, Point2 at, double width, double height) = 0;
  // One line of UTF-8; `at` is on the baseline. Broken bytes become U+FFFD, control characters
  // blanks. A character without a glyph is a box in pixels, and itself in the text of PDF and SVG.
  virtual void text(std::string_view text, Point2 at, const TextStyle& style) = 0;

  void line(Path points, const Pen& pen) { stroke({&points, 1}, pen); }
  void fill(const Path& shape, Color color, double alpha = 1) { fill({&shape, 1}, color, alpha); }
  void rect(double x, double y, double width, double height, Color color, double alpha = 1);
  void dot(Point2 at, double width, Color color) { line({at}, {color, width}); }
  // Parallel lines over a shape, `step` apart, at `turn` degrees counterclockwise from level. The
  // lines of neighbouring shapes meet.
  void hatch(std::span<const Path> shape, const Pen& pen, double step, double turn);
};

Path rect_path(double x, double y, double width, double height);

// Units from the start of a text to its end, the same on every surface.
double text_width(std::string_view text, const TextStyle& style);
// From the baseline to the top of capitals.
double cap_height(const TextStyle& style);
// `text`, or its beginning with an ellipsis, whatever fits into `width` (down to nothing).
std::string fit_text(std::string_view text, double width, const TextStyle& style);
// The characters that the font has no glyph for, each once.
std::string missing_glyphs(std::string_view text, bool bold = false);
// The text that is drawn: see Canvas::text.
std::string drawn_text(std::string_view text);

using Drawing = std::function<void(Canvas&)>;

// Draws on a picture, in units of its pixels. Characters without a glyph are named in a warning.
// Throws InputError: no pixel, or more than 32767 on a side.
ImageU8 draw_on(const ImageU8& ground, const Drawing& drawing);
// A picture of one colour, to be drawn on.
ImageU8 blank(int width, int height, Color color);

enum class PageFormat { kSvg, kPdf, kPng };

// By the ending of a file's name. Throws UsageError: another ending.
PageFormat page_format(std::string_view path);

// The bytes of a file: a white page, in points; a PNG has `dpi` pixels an inch. The same drawing
// gives the same bytes on one machine. Throws InputError as draw_on does.
std::string draw_page(PageFormat format, double width, double height, const Drawing& drawing,
                      double dpi = 300);

// SVG 1.1, for draw_page.
std::string draw_svg(double width, double height, const Drawing& drawing);

Color pixel(const ImageU8& image, int x, int y);

// Blends a colour over one pixel (three bytes), `alpha` (0..1) being the weight of the colour.
void blend_pixel(std::uint8_t* pixel, Color color, double alpha);

}  // namespace vega
