#include "media/image.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace vega {

namespace {
ImageSize size_of(std::string_view where, std::string_view text) {
  ImageSize size;
  const auto x = text.find('x');
  const auto number = [](std::string_view part, int& value) {
    const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), value);
    return code == std::errc{} && end == part.data() + part.size() && value >= 1 && value <= 65536;
  };
  if (x == std::string_view::npos || !number(text.substr(0, x), size.width) ||
      !number(text.substr(x + 1), size.height)) {
    throw UsageError(explain(where, fmt::format("\"{}\"", text),
                             "WIDTHxHEIGHT in pixels, each 1 to 65536, such as 832x480"));
  }
  return size;
}

}  // namespace

ImageSize parse_size(std::string_view text) { return size_of("size", text); }

ImageSize size_option(const std::string& option, const std::string& text) {
  return size_of(option, text);
}

std::string to_string(ImageSize size) { return fmt::format("{}x{}", size.width, size.height); }

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
