// What the rules of the Penn Treebank tokeniser ask of a place in a text: classes of characters and
// small patterns. Every function takes a place and returns the length of what stands there, 0:
// nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "text/unicode.h"

namespace vega::text {

constexpr char32_t kEnd = 0xFFFFFFFF;  // behind the text

struct PtbText {
  std::u32string_view text;

  char32_t at(std::size_t i) const { return i < text.size() ? text[i] : kEnd; }
  std::size_t literal(std::size_t i, std::string_view ascii) const;  // case does not count
  std::size_t exact(std::size_t i, std::string_view ascii) const;

  std::size_t letter(std::size_t i) const;      // also "&eacute;"
  std::size_t apostrophe(std::size_t i) const;  // also "&apos;"
  std::size_t quote(std::size_t i) const;      // an apostrophe, or another mark that stands for one
  std::size_t newline(std::size_t i) const;    // "\r\n" is two places long
  std::size_t white(std::size_t i) const;      // a blank or a line end
  std::size_t ampersand(std::size_t i) const;  // "&" or "&amp;"
  std::size_t tag(std::size_t i) const;        // "<b>"
  std::size_t word(std::size_t i) const;       // letters and digits, parts joined by . ! ?
  std::size_t auxiliary(std::size_t i) const;  // 's 'm 'd 're 've 'll, the longest
  std::size_t not_short(std::size_t i) const;  // n't
  std::size_t acronym(std::size_t i, bool two_letters_at_least) const;  // "u.s", "eu-u.s"
};

bool is_letter(char32_t c);  // of Java's [:letter:], basic multilingual plane
bool is_digit(char32_t c);
bool is_upper(char32_t c);
bool is_blank(char32_t c);
constexpr bool is_one_of(char32_t c, std::u32string_view set) { return set.find(c) != set.npos; }
constexpr char32_t kSoftHyphen = 0xAD;

}  // namespace vega::text
