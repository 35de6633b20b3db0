// Colour of decoded video: what the tags say, what is used, and the conversion to 8-bit RGB.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "media/image.h"

struct AVFrame;  // libav's

namespace vega {

// YCbCr to RGB coefficients that are used.
enum class ColorMatrix { kBt601, kBt709, kBt2020, kFcc, kSmpte240m, kRgb };

// The tags as libav names them ("unknown" where absent), and what follows from them.
struct VideoColor {
  std::string primaries, transfer, matrix, range, chroma_location;
  // By the tag; untagged (or a tag that no table has): BT.601 below 720 rows, else BT.709.
  ColorMatrix used_matrix = ColorMatrix::kBt709;
  bool full_range =
      false;         // by the tag or a "yuvj" pixel format; untagged YCbCr: limited (16..235)
  bool hdr = false;  // transfer is PQ (SMPTE ST 2084) or HLG (ARIB STD-B67)
};

std::string_view name_of(ColorMatrix matrix);

// The colour tags of a frame (or of a stream, in a frame that has only tags, format and height).
VideoColor color_of(const AVFrame& frame);

// Decoded frames to interleaved RGB of the same size, by swscale with accurate rounding, full
// chroma interpolation (bicubic) and the same bits on every CPU. Deeper components are rounded to 8
// bits without dither. Transfer and primaries stay as they are: PQ and HLG pictures keep their code
// values (they look flat; there is no tone mapping), BT.2020 primaries are not mapped to BT.709.
// Alpha is dropped. Not for use by two threads at once.
class RgbConverter {
 public:
  RgbConverter();
  ~RgbConverter();
  RgbConverter(RgbConverter&&) noexcept;
  RgbConverter& operator=(RgbConverter&&) noexcept;

  // where: for messages. Throws FormatError (a pixel format that swscale cannot read).
  ImageU8 convert(const AVFrame& frame, const std::string& where);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vega
