#include "viz/utf8.h"

namespace vega {

std::uint32_t next_character(std::string_view text, std::size_t& i) {
  const auto byte = [&](std::size_t at) { return std::uint32_t(std::uint8_t(text[at])); };
  const std::uint32_t first = byte(i);
  const std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  std::uint32_t c = more == 0 ? first : first & (0x3Fu >> more);
  for (std::size_t k = 1; k <= more; ++k) {
    if (i + k >= text.size() || (byte(i + k) & 0xC0) != 0x80) {
      ++i;
      return first;
    }
    c = c << 6 | (byte(i + k) & 0x3F);
  }
  i += more + 1;
  return c;
}

}  // namespace vega
