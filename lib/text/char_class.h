// What the split pattern and NFC ask of a character: letter (\p{L}), number (\p{N}), white space,
// and whether NFC may change it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vega::text {

enum CharClass : std::uint8_t {
  kLetter = 1,         // general categories L*
  kNumber = 2,         // general categories N*
  kSpace = 4,          // Unicode White_Space: what \s is in the pattern
  kMayChange = 8,      // NFC changes it, or joins or reorders it with what stands before
  kWordPart = 16,      // \w: letters, marks, decimal numbers, connectors, joiners
  kUnknownToNfc = 32,  // NFC leaves it alone, and it alone
  kNotPunctuation = kLetter | kNumber | kSpace,
};

// Classes of a code point, as CharClass bits. Letters and numbers are those of Unicode 16, as in
// the `tokenizers` package 0.23, with any version of utf8proc from 2.8 (Unicode 15) on.
class CharClasses {
 public:
  static const CharClasses& get();  // made at the first call

  std::uint8_t of(char32_t c) const { return c < table_.size() ? table_[c] : of_far(c); }

 private:
  CharClasses();
  static std::uint8_t of_far(char32_t c);

  std::array<std::uint8_t, 0x20000> table_;  // the first two planes
};

// The code point at `at`, which moves behind it. The text must be UTF-8.
inline char32_t next_char(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[i]));
  };
  const char32_t c = byte(at);
  if (c < 0x80) return at += 1, c;
  const char32_t second = byte(at + 1) & 0x3F;
  if (c < 0xE0) return at += 2, ((c & 0x1F) << 6) | second;
  const char32_t third = byte(at + 2) & 0x3F;
  if (c < 0xF0) return at += 3, ((c & 0x0F) << 12) | (second << 6) | third;
  const char32_t fourth = byte(at + 3) & 0x3F;
  return at += 4, ((c & 0x07) << 18) | (second << 12) | (third << 6) | fourth;
}

// The code point that ends at `at` > 0, which moves to its beginning.
inline char32_t previous_char(std::string_view text, std::size_t& at) {
  do --at;
  while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  std::size_t i = at;
  return next_char(text, i);
}

}  // namespace vega::text
