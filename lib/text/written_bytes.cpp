#include "text/written_bytes.h"

#include <array>

#include "text/char_class.h"
#include "text/unicode.h"

namespace vega::text {
namespace {

// Printable Latin-1 characters stand for themselves, the other bytes follow from U+0100 on.
struct ByteAlphabet {
  std::array<std::string, 256> written;
  std::array<int, 324> byte;  // of a character; -1: none

  ByteAlphabet() {
    byte.fill(-1);
    char32_t other = 256;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b != 0xAD);
      const char32_t c = printable ? b : other++;
      written[b] = encode_utf8(std::u32string_view(&c, 1));
      byte[c] = static_cast<int>(b);
    }
  }
};

const ByteAlphabet& alphabet() {
  static const ByteAlphabet made;
  return made;
}

}  // namespace

std::string_view written_byte(unsigned char byte) { return alphabet().written[byte]; }

std::string written_bytes(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out.append(written_byte(static_cast<unsigned char>(c)));
  return out;
}

std::string bytes_of_written(std::string_view token) {
  const ByteAlphabet& known = alphabet();
  std::string out;
  for (std::size_t at = 0; at < token.size();) {
    const char32_t c = next_char(token, at);
    if (c >= known.byte.size() || known.byte[c] < 0) return std::string(token);
    out.push_back(static_cast<char>(known.byte[c]));
  }
  return out;
}

}  // namespace vega::text
