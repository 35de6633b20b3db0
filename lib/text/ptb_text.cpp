#include "text/ptb_text.h"

#include <utf8proc.h>

#include <algorithm>

#include "text/ptb_words.h"

namespace vega::text {
namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

char32_t lowered(char32_t c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

// Marks that count as letters: combining accents, and the vowel signs of Hebrew to Lao.
bool is_letter_like(char32_t c) {
  if (c == kSoftHyphen || (c >= 0x300 && c <= 0x36F)) return true;
  if (c < 0x237 || c > 0xECD) return false;
  if (c <= 0x24F || (c >= 0x2C2 && c <= 0x2FF) || (c >= 0x370 && c <= 0x37D) || c == 0x384 ||
      c == 0x385 || c == 0x3F6 || (c >= 0x55A && c <= 0x55F))
    return true;
  const auto kind = category(c);
  return c >= 0x483 && (kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_MC);
}

}  // namespace

bool is_letter(char32_t c) {
  if (c < 0x80) return is_ascii_letter(c);
  if (c > 0xFFFF) return false;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return true;
    default: return false;
  }
}

bool is_digit(char32_t c) {
  if (c < 0x80) return is_ascii_digit(c);
  return c <= 0xFFFF && category(c) == UTF8PROC_CATEGORY_ND;
}

bool is_upper(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z';
  return c <= 0xFFFF && category(c) == UTF8PROC_CATEGORY_LU;
}

bool is_blank(char32_t c) {
  return c == ' ' || c == '\t' || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x3000;
}

std::size_t PtbText::literal(std::size_t i, std::string_view ascii) const {
  for (std::size_t k = 0; k < ascii.size(); ++k) {
    if (lowered(at(i + k)) != lowered(static_cast<unsigned char>(ascii[k]))) return 0;
  }
  return ascii.size();
}

std::size_t PtbText::exact(std::size_t i, std::string_view ascii) const {
  for (std::size_t k = 0; k < ascii.size(); ++k) {
    if (at(i + k) != static_cast<unsigned char>(ascii[k])) return 0;
  }
  return ascii.size();
}

std::size_t PtbText::letter(std::size_t i) const {
  const char32_t c = at(i);
  if (c == '&') {
    if (!is_one_of(at(i + 1), U"aeiouAEIOU")) return 0;
    for (const std::string_view accent : {"acute;", "grave;", "uml;"}) {
      if (const std::size_t n = literal(i + 2, accent)) return 2 + n;
    }
    return 0;
  }
  return is_letter(c) || is_letter_like(c) ? 1 : 0;
}

std::size_t PtbText::apostrophe(std::size_t i) const {
  const char32_t c = at(i);
  if (c == '\'' || c == 0x2019 || c == 0x92) return 1;
  return c == '&' ? literal(i, "&apos;") : 0;
}

std::size_t PtbText::quote(std::size_t i) const {
  const char32_t c = at(i);
  if (c == '`' || c == 0x91 || c == 0x2018 || c == 0x201B) return 1;
  return apostrophe(i);
}

std::size_t PtbText::newline(std::size_t i) const {
  switch (at(i)) {
    case '\r': return at(i + 1) == '\n' ? 2 : 1;
    case '\n':
    case 0x0B:
    case 0x0C:
    case 0x85:
    case 0x2028:
    case 0x2029: return 1;
    default: return 0;
  }
}

std::size_t PtbText::white(std::size_t i) const { return is_blank(at(i)) ? 1 : newline(i); }

std::size_t PtbText::ampersand(std::size_t i) const {
  if (at(i) != '&') return 0;
  return std::max<std::size_t>(1, literal(i, "&amp;"));
}

std::size_t PtbText::tag(std::size_t i) const {
  if (at(i) != '<') return 0;
  const auto name_end = [&](std::size_t p) {
    while (is_ascii_alnum(at(p)) || is_one_of(at(p), U"_:.-")) ++p;
    return p;
  };
  const auto blanks_end = [&](std::size_t p) {
    while (at(p) == ' ') ++p;
    return p;
  };
  std::size_t p = i + 1;
  if (at(p) == '!' || at(p) == '?') {
    if (!is_ascii_letter(at(p + 1)) && at(p + 1) != '-') return 0;
    p += 2;
    while (at(p) != '>' && at(p) != '\r' && at(p) != '\n' && at(p) != kEnd) ++p;
    return at(p) == '>' ? p + 1 - i : 0;
  }
  const bool closes = at(p) == '/';
  if (closes) ++p;
  if (!is_ascii_letter(at(p))) return 0;
  p = name_end(p);
  while (!closes) {
    const std::size_t attribute = blanks_end(p);
    if (attribute == p || !is_ascii_letter(at(attribute))) break;
    p = name_end(attribute);
    std::size_t value = blanks_end(p);
    if (at(value) != '=') continue;
    value = blanks_end(value + 1);
    const char32_t mark = at(value);
    if (mark != '"' && mark != '\'') return 0;
    const std::size_t end = text.find(mark, value + 1);
    if (end == text.npos) return 0;
    p = end + 1;
  }
  p = blanks_end(p);
  if (!closes && at(p) == '/') p = blanks_end(p + 1);
  return at(p) == '>' ? p + 1 - i : 0;
}

std::size_t PtbText::word(std::size_t i) const {
  std::size_t p = i;
  for (;;) {
    std::size_t n = letter(p);
    if (n == 0) break;
    p += n;
    while ((n = letter(p)) != 0 || is_digit(at(p))) p += std::max<std::size_t>(n, 1);
    if (!is_one_of(at(p), U".!?") || letter(p + 1) == 0) return p - i;
    ++p;
  }
  return p - i;
}

std::size_t PtbText::auxiliary(std::size_t i) const {
  const std::size_t n = apostrophe(i);
  if (n == 0) return 0;
  for (const std::string_view ending : {"re", "ve", "ll"}) {
    if (literal(i + n, ending)) return n + 2;
  }
  return is_one_of(at(i + n), U"msdMSD") ? n + 1 : 0;
}

std::size_t PtbText::not_short(std::size_t i) const {
  if (literal(i, "n") == 0) return 0;
  const std::size_t n = quote(i + 1);
  return n != 0 && literal(i + 1 + n, "t") ? n + 2 : 0;
}

std::size_t PtbText::acronym(std::size_t i, bool two_letters_at_least) const {
  std::size_t best = 0;
  if (is_ascii_letter(at(i))) {
    std::size_t p = i + 1;
    while (at(p) == '.' && is_ascii_letter(at(p + 1))) p += 2;
    if (p > i + 1 || !two_letters_at_least) best = p - i;
  }
  for (const std::string_view extra : ptb_words(PtbWords::kDottedExtra))
    best = std::max(best, literal(i, extra));
  return best;
}

}  // namespace vega::text
