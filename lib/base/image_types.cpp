#include "base/image_types.h"

#include <fmt/core.h>

#include <charconv>

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

}  // namespace vega
