// UTF-8 and the letters of Unicode, the same under every locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vega::text {

// Code points of UTF-8 text. Each longest piece of a broken sequence becomes one U+FFFD, as
// Python's errors="replace" does.
std::u32string decode_utf8(std::string_view text);
std::string encode_utf8(std::u32string_view text);

// The lower-case form, with the two rules that Unicode gives beyond single letters: capital dotted
// I becomes two code points, and a capital sigma at the end of a word the final one.
std::u32string lower(std::u32string_view text);
std::string lower(std::string_view text);

// The first letter in its title form, all others in lower case: Python's str.capitalize().
std::string capitalized(std::string_view text);

// The hash of Java's String: h = 31 h + unit over UTF-16 units, in 32 bits.
std::int32_t java_hash(std::u32string_view text);

constexpr bool is_ascii_letter(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_ascii_digit(char32_t c) { return c >= '0' && c <= '9'; }
constexpr bool is_ascii_alnum(char32_t c) { return is_ascii_letter(c) || is_ascii_digit(c); }

// White space of Python's str.split(): Unicode white space and the separators U+001C to U+001F.
bool is_python_space(char32_t c);

}  // namespace vega::text
