// Antialiased lines and filled rectangles on 8-bit images. Coordinates: (0, 0) is the centre of
// the top left pixel. What leaves the image is cut off.
#pragma once

#include <cstdint>
#include <span>

#include "base/image_types.h"

namespace vega {

struct Color {
  std::uint8_t r = 0, g = 0, b = 0;
  friend bool operator==(const Color&, const Color&) = default;
};

struct Segment {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

// All segments as one pen stroke, `width` pixels wide with round ends; where they overlap nothing
// is painted twice.
void stroke(ImageU8& image, std::span<const Segment> segments, double width, Color color);

void fill_rect(ImageU8& image, int x, int y, int width, int height, Color color);

// Copies `from` so that its top left corner is at (x, y).
void paste(ImageU8& image, int x, int y, const ImageU8& from);

Color pixel(const ImageU8& image, int x, int y);

// Blends a colour over one pixel (three bytes), `alpha` (0..1) being the weight of the colour.
void blend_pixel(std::uint8_t* pixel, Color color, double alpha);

}  // namespace vega
