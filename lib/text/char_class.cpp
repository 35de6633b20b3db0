#include "text/char_class.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

namespace vega::text {
namespace {

struct Range {
  char32_t first, last;
};

// Letters and numbers that came after Unicode 15.0, in 15.1 and 16.0.
constexpr Range kNewLetters[] = {
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
    {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389},
    {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7},
    {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0}, {0x13460, 0x143FA},
    {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
    {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D}};
constexpr Range kNewNumbers[] = {{0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9},
                                 {0x16130, 0x16139}, {0x16D70, 0x16D79}, {0x1CCF0, 0x1CCF9},
                                 {0x1E5F1, 0x1E5FA}};
// Marks that came after Unicode 15.0.
constexpr Range kNewMarks[] = {{0x897, 0x897},     {0x10D69, 0x10D6D}, {0x10EFC, 0x10EFC},
                               {0x113B8, 0x113C0}, {0x113C2, 0x113C2}, {0x113C5, 0x113C5},
                               {0x113C7, 0x113CA}, {0x113CC, 0x113D0}, {0x113D2, 0x113D2},
                               {0x113E1, 0x113E2}, {0x11F5A, 0x11F5A}, {0x1611E, 0x1612F},
                               {0x1E5EE, 0x1E5EF}};
// Marks that came after Unicode 9, and what NFC joins since. The `tokenizers` package leaves them
// alone (its NFC has the tables of unicode-normalization-alignments 0.1).
constexpr Range kNewToNfc[] = {
    {0x7FD, 0x7FD},     {0x897, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x105C0, 0x105F3},
    {0x10D24, 0x10D27}, {0x10D69, 0x10D6D}, {0x10EAB, 0x10EAC}, {0x10EFC, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B},
    {0x11380, 0x113E2}, {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11930, 0x11938},
    {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34},
    {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45},
    {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16100, 0x16139}, {0x16D40, 0x16D79},
    {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1E5EE, 0x1E5EF}};
// Letters in circles and squares, which are alphabetic but no letters.
constexpr Range kOtherAlphabetic[] = {
    {0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};

template <std::size_t N>
bool is_in(char32_t c, const Range (&ranges)[N]) {
  const auto after = std::upper_bound(std::begin(ranges), std::end(ranges), c,
                                      [](char32_t x, const Range& r) { return x < r.first; });
  return after != std::begin(ranges) && c <= std::prev(after)->last;
}

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// Hangul vowels and final consonants, which join the syllable before them, are no marks.
bool is_joining_jamo(char32_t c) {
  return (c >= 0x1161 && c <= 0x1175) || (c >= 0x11A8 && c <= 0x11C2);
}

// Whether NFC makes another text of this character alone.
bool changes_alone(char32_t c) {
  utf8proc_int32_t parts[8];
  int boundary = 0;
  const auto option = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
  const auto count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 8, option, &boundary);
  if (count < 1 || count > 8 || (count == 1 && parts[0] == static_cast<utf8proc_int32_t>(c)))
    return false;
  const auto joined = utf8proc_normalize_utf32(
      parts, count, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  return joined != 1 || parts[0] != static_cast<utf8proc_int32_t>(c);
}

std::uint8_t compute(char32_t c) {
  unsigned out = is_white_space(c) ? unsigned{kSpace} : 0U;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: out |= kLetter | kWordPart; break;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL: out |= kNumber | kWordPart; break;
    case UTF8PROC_CATEGORY_NO: out |= kNumber; break;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: out |= kMayChange | kWordPart; break;
    case UTF8PROC_CATEGORY_PC: out |= kWordPart; break;
    case UTF8PROC_CATEGORY_CN:
      if (is_in(c, kNewLetters)) out |= kLetter | kWordPart;
      if (is_in(c, kNewNumbers)) out |= kNumber | kWordPart;
      if (is_in(c, kNewMarks)) out |= kWordPart;
      break;
    default:
      if (c == 0x200C || c == 0x200D || is_in(c, kOtherAlphabetic)) out |= kWordPart;
      break;
  }
  if (is_in(c, kNewToNfc))
    out = (out & ~unsigned{kMayChange}) | kUnknownToNfc;
  else if (is_joining_jamo(c) || changes_alone(c))
    out |= kMayChange;
  return static_cast<std::uint8_t>(out);
}

}  // namespace

CharClasses::CharClasses() {
  for (char32_t c = 0; c < table_.size(); ++c) table_[c] = compute(c);
}

const CharClasses& CharClasses::get() {
  static const CharClasses classes;
  return classes;
}

std::uint8_t CharClasses::of_far(char32_t c) { return compute(c); }

}  // namespace vega::text
