#include "train/draw_marks.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

namespace vega::train {
namespace {

using tasks::PictureMark;

constexpr int kRadius = 20, kStroke = 20;
constexpr double kExtend = 17.5;
// Half the width of a row of the disc, by its distance from the middle row.
constexpr std::array<int, kRadius + 1> kHalfWidths = {20, 20, 20, 20, 20, 19, 19, 19, 18, 18, 17,
                                                      17, 16, 15, 14, 13, 12, 11, 9,  7,  4};

class Pen {
 public:
  Pen(ImageU8& image, const std::array<std::uint8_t, 3>& color) : image_(image), color_(color) {}

  // Pixels x0 to x1 of row y, both included.
  void row(int y, int x0, int x1) {
    if (y < 0 || y >= image_.height) return;
    std::uint8_t* pixels = image_.row(y);
    for (int x = std::max(0, x0); x <= std::min(image_.width - 1, x1); ++x)
      std::ranges::copy(color_, pixels + 3 * x);
  }

 private:
  ImageU8& image_;
  const std::array<std::uint8_t, 3>& color_;
};

void draw_disc(const PictureMark& mark, ImageU8& image) {
  // To whole pixels towards 0, as Python's int().
  const int x = static_cast<int>(mark.place[0] / 1000 * image.width);
  const int y = static_cast<int>(mark.place[1] / 1000 * image.height);
  Pen pen(image, mark.color);
  for (int dy = -kRadius; dy <= kRadius; ++dy) {
    const int half = kHalfWidths[static_cast<std::size_t>(std::abs(dy))];
    pen.row(y + dy, x - half, x + half);
  }
}

void draw_box(const PictureMark& mark, ImageU8& image) {
  const auto pixel = [&](std::size_t n, int side, double out) {
    return static_cast<int>(mark.place[n] / 1000 * side + out);
  };
  const int x0 = pixel(0, image.width, -kExtend), y0 = pixel(1, image.height, -kExtend);
  const int x1 = pixel(2, image.width, kExtend), y1 = pixel(3, image.height, kExtend);
  Pen pen(image, mark.color);
  for (int n = 0; n < kStroke; ++n) {
    pen.row(y0 + n, x0, x1);
    pen.row(y1 - n, x0, x1);
  }
  for (int y = y0; y <= y1; ++y) {
    pen.row(y, x0, x0 + kStroke - 1);
    pen.row(y, x1 - kStroke + 1, x1);
  }
}

}  // namespace

void draw_marks(std::span<const PictureMark> marks, std::size_t picture, ImageU8& image) {
  for (const PictureMark& mark : marks) {
    if (mark.picture != picture) continue;
    if (mark.kind == PictureMark::Kind::kDisc)
      draw_disc(mark, image);
    else
      draw_box(mark, image);
  }
}

}  // namespace vega::train
