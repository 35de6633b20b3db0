#include "base/printable.h"

#include <fmt/core.h>

namespace vega {
namespace {

// The character of two or three bytes at the start of a text in UTF-8; 0: another one.
unsigned code_at(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  if ((byte(0) & 0xe0U) == 0xc0U && follows(1)) return (byte(0) & 0x1fU) << 6 | (byte(1) & 0x3fU);
  if ((byte(0) & 0xf0U) == 0xe0U && follows(1) && follows(2))
    return (byte(0) & 0x0fU) << 12 | (byte(1) & 0x3fU) << 6 | (byte(2) & 0x3fU);
  return 0;
}

// A control byte that is neither tab nor newline.
bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
}

bool is_unseen(unsigned code) {
  return (code >= 0x80 && code <= 0xa0) || code == 0xad || (code >= 0x2000 && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202f) || (code >= 0x205f && code <= 0x206f) ||
         code == 0x3000 || code == 0xfeff;
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) {
  std::string out(text.substr(0, most));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text.size() > most ? out + "..." : out;
}

std::string visible(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const unsigned code = code_at(text.substr(i)); is_unseen(code)) {
      out += fmt::format("\\u{:04x}", code);
      i += code < 0x800 ? 1 : 2;
    } else if (is_control(text[i])) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string without_controls(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_control(c))
      out += "\xef\xbf\xbd";
    else
      out += c;
  }
  return out;
}

}  // namespace vega
