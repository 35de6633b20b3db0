// Images in memory, and their sizes. The pixel range is part of the type: nothing ever guesses it
// from the values. Conversions: media/image.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vega {

// Width and height in pixels.
struct ImageSize {
  int width = 0, height = 0;
  bool empty() const { return width < 1 || height < 1; }
  friend bool operator==(const ImageSize&, const ImageSize&) = default;
};

// "832x480" (width first). Throws UsageError unless both are in 1..65536.
ImageSize parse_size(std::string_view text);
// The same for OptionVisitor::parsed.
ImageSize size_option(const std::string& option, const std::string& text);
std::string to_string(ImageSize size);

// Interleaved R, G, B, 0..255, row by row: (H, W, 3).
struct ImageU8 {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;

  ImageU8() = default;
  ImageU8(int w, int h) : width(w), height(h), rgb(3 * std::size_t(w) * std::size_t(h)) {}
  ImageSize size() const { return {width, height}; }
  std::uint8_t* row(int y) { return rgb.data() + 3 * std::size_t(y) * std::size_t(width); }
  const std::uint8_t* row(int y) const {
    return rgb.data() + 3 * std::size_t(y) * std::size_t(width);
  }
};

// One 16-bit channel, row by row: (H, W). Depth maps: millimetres, 0 = invalid.
struct ImageU16 {
  int width = 0, height = 0;
  std::vector<std::uint16_t> v;

  ImageU16() = default;
  ImageU16(int w, int h) : width(w), height(h), v(std::size_t(w) * std::size_t(h)) {}
  ImageSize size() const { return {width, height}; }
};

enum class PixelRange {
  kUnit,   // 0..1
  kSigned  // -1..1
};

// Planar float32 image: (3, H, W), channels R, G, B.
template <PixelRange R>
struct FloatImage {
  int width = 0, height = 0;
  std::vector<float> chw;

  FloatImage() = default;
  FloatImage(int w, int h) : width(w), height(h), chw(3 * std::size_t(w) * std::size_t(h)) {}
  ImageSize size() const { return {width, height}; }
  std::size_t plane() const { return std::size_t(width) * std::size_t(height); }
};
using UnitImage = FloatImage<PixelRange::kUnit>;
using SignedImage = FloatImage<PixelRange::kSigned>;

}  // namespace vega
