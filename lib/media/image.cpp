#include "media/image.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace vega {

UnitImage to_unit(const ImageU8& image) {
  std::array<float, 256> table;
  for (int i = 0; i < 256; ++i) table[std::size_t(i)] = static_cast<float>(i * (1.0 / 255.0));
  UnitImage out(image.width, image.height);
  const std::size_t plane = out.plane();
  for (std::size_t i = 0; i < plane; ++i) {
    for (std::size_t c = 0; c < 3; ++c) out.chw[c * plane + i] = table[image.rgb[3 * i + c]];
  }
  return out;
}

SignedImage to_signed(const UnitImage& image) {
  SignedImage out(image.width, image.height);
  for (std::size_t i = 0; i < out.chw.size(); ++i) out.chw[i] = 2.0F * image.chw[i] - 1.0F;
  return out;
}

UnitImage to_unit(const SignedImage& image) {
  UnitImage out(image.width, image.height);
  for (std::size_t i = 0; i < out.chw.size(); ++i) out.chw[i] = (image.chw[i] + 1.0F) / 2.0F;
  return out;
}

ImageU8 to_u8(const UnitImage& image) {
  ImageU8 out(image.width, image.height);
  const std::size_t plane = image.plane();
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < plane; ++i) {
      const float value = std::clamp(image.chw[c * plane + i], 0.0F, 1.0F);
      out.rgb[3 * i + c] = static_cast<std::uint8_t>(std::lround(value * 255.0F));
    }
  }
  return out;
}

}  // namespace vega
