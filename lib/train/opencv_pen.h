// Discs, frames and labels on pictures, every pixel as OpenCV 4 draws them (4.5 to 4.14 agree;
// OpenCV 5 writes in another font). Source: OpenCV, modules/imgproc/src/drawing.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/image_types.h"
#include "train/pixel_pen.h"

namespace vega::train {

// A pixel's column and row; it may lie outside of the picture.
struct PixelPlace {
  std::int64_t x = 0, y = 0;
};

// Labels are in FONT_HERSHEY_SIMPLEX of scale 2, in lines 10 pixels wide. Width and height of one
// as cv::getTextSize gives them: above the baseline. Throws InputError: see opencv_letter.
ImageSize opencv_label_size(std::string_view label);

class OpenCvPen : public PixelPen {
 public:
  using PixelPen::PixelPen;

  // cv::circle, filled.
  void disc(PixelPlace centre, int radius);
  // cv::rectangle: lines of an even number of pixels between the corners, with round ends.
  void frame(PixelPlace from, PixelPlace to, int thickness);
  // cv::rectangle, filled: both corners are inside, `from` is the upper left one.
  void fill(PixelPlace from, PixelPlace to);
  // cv::putText: the baseline begins at `at`. smooth: as LINE_AA, else as LINE_8. Throws
  // InputError.
  void label(std::string_view label, PixelPlace at, bool smooth);

 private:
  // Places in 1/65536 of a pixel; whole numbers are centres of pixels.
  struct Fine {
    std::int64_t x = 0, y = 0;
  };
  void line(PixelPlace from, PixelPlace to, int thickness, bool smooth, bool first);
  void end(PixelPlace at, int thickness, bool smooth);
  void polygon(std::span<const Fine> corners, bool smooth);
  void inside(std::span<const Fine> corners, bool smooth);
  void edge(Fine from, Fine to);
  void smooth_edge(Fine from, Fine to);
  static bool clip(Fine size, Fine& from, Fine& to);
  // What a line has within the picture, along the axis of its longer way, towards larger numbers:
  // x of `at` and `end` is along that axis. step: across, for each pixel along.
  struct Way {
    Fine at, end;
    std::int64_t step;
    bool flat;  // x is the axis of the longer way
  };
  std::optional<Way> way(Fine from, Fine to) const;
  void blend(std::int64_t x, std::int64_t y, int weight);
};

}  // namespace vega::train
