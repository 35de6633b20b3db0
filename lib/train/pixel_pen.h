// Writes runs of pixels of one colour into a picture; what lies outside is cut off.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/image_types.h"

namespace vega::train {

class PixelPen {
 public:
  // The picture must outlive the pen.
  PixelPen(ImageU8& image, const std::array<std::uint8_t, 3>& color)
      : image_(image), color_(color) {}

  // Pixels x0 to x1 of row y, both included.
  void row(std::int64_t y, std::int64_t x0, std::int64_t x1) {
    if (y < 0 || y >= image_.height) return;
    std::uint8_t* pixels = image_.row(static_cast<int>(y));
    const std::int64_t last = std::min<std::int64_t>(image_.width - 1, x1);
    for (auto x = std::max<std::int64_t>(0, x0); x <= last; ++x)
      std::ranges::copy(color_, pixels + 3 * x);
  }

 protected:
  ImageU8& image_;
  std::array<std::uint8_t, 3> color_;
};

}  // namespace vega::train
