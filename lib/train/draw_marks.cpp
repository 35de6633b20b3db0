#include "train/draw_marks.h"

#include <array>
#include <cstdint>
#include <cstdlib>

#include "train/opencv_pen.h"
#include "train/pixel_pen.h"

namespace vega::train {
namespace {

using tasks::PictureMark;

constexpr int kRadius = 20, kStroke = 20;
constexpr double kExtend = 17.5;
// Of labels.
constexpr std::array<std::uint8_t, 3> kGreen = {0, 255, 0}, kWhite = {255, 255, 255};
// Half the width of a row of the disc, by its distance from the middle row.
constexpr std::array<int, kRadius + 1> kHalfWidths = {20, 20, 20, 20, 20, 19, 19, 19, 18, 18, 17,
                                                      17, 16, 15, 14, 13, 12, 11, 9,  7,  4};

// To whole pixels towards 0, as Python's int(): x of a place's even numbers, y of the odd ones.
int pixel(const PictureMark& mark, std::size_t n, const ImageU8& image) {
  return static_cast<int>(mark.place[n] / 1000 * (n % 2 == 0 ? image.width : image.height));
}

void draw_disc(const PictureMark& mark, ImageU8& image) {
  const int x = pixel(mark, 0, image), y = pixel(mark, 1, image);
  PixelPen pen(image, mark.color);
  for (int dy = -kRadius; dy <= kRadius; ++dy) {
    const int half = kHalfWidths[static_cast<std::size_t>(std::abs(dy))];
    pen.row(y + dy, x - half, x + half);
  }
}

void draw_box(const PictureMark& mark, ImageU8& image) {
  const auto edge = [&](std::size_t n, int side, double out) {
    return static_cast<int>(mark.place[n] / 1000 * side + out);
  };
  const int x0 = edge(0, image.width, -kExtend), y0 = edge(1, image.height, -kExtend);
  const int x1 = edge(2, image.width, kExtend), y1 = edge(3, image.height, kExtend);
  PixelPen pen(image, mark.color);
  for (int n = 0; n < kStroke; ++n) {
    pen.row(y0 + n, x0, x1);
    pen.row(y1 - n, x0, x1);
  }
  for (int y = y0; y <= y1; ++y) {
    pen.row(y, x0, x0 + kStroke - 1);
    pen.row(y, x1 - kStroke + 1, x1);
  }
}

// A disc with a label to the right of it and below.
void draw_lettered_disc(const PictureMark& mark, ImageU8& image) {
  const int x = pixel(mark, 0, image), y = pixel(mark, 1, image);
  OpenCvPen(image, mark.color).disc({x, y}, kRadius);
  OpenCvPen(image, kGreen).label(mark.label, {x + kRadius, y + kRadius}, false);
}

// A frame with a label below the box's lower right corner, or above it where it would leave the
// picture below. A sign has a filled box behind the label, 5 pixels more below the baseline.
void draw_lettered_box(const PictureMark& mark, ImageU8& image) {
  constexpr int kBelow = 5;
  const int x0 = pixel(mark, 0, image), y0 = pixel(mark, 1, image);
  const int x1 = pixel(mark, 2, image), y1 = pixel(mark, 3, image);
  const bool sign = mark.style == PictureMark::Style::kSign;
  OpenCvPen pen(image, mark.color);
  pen.frame({x0 - kRadius, y0 - kRadius}, {x1 + kRadius, y1 + kRadius}, kStroke);
  const ImageSize size = opencv_label_size(mark.label);
  const int x = x1 - size.width;
  int y = y1 + size.height;
  if (y > image.height) y = y1 - (sign ? kBelow : size.height);
  if (sign) pen.fill({x, y - size.height}, {x1, y + kBelow});
  OpenCvPen(image, sign ? kWhite : kGreen).label(mark.label, {x, y}, sign);
}

void draw(const PictureMark& mark, ImageU8& image) {
  const bool disc = mark.kind == PictureMark::Kind::kDisc;
  if (mark.style == PictureMark::Style::kPlain)
    disc ? draw_disc(mark, image) : draw_box(mark, image);
  else
    disc ? draw_lettered_disc(mark, image) : draw_lettered_box(mark, image);
}

}  // namespace

void draw_marks(std::span<const PictureMark> marks, std::size_t picture, ImageU8& image) {
  for (const PictureMark& mark : marks)
    if (mark.picture == picture) draw(mark, image);
}

}  // namespace vega::train
