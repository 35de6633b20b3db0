#include "text/unicode.h"

#include <utf8proc.h>

#include <map>

namespace vega::text {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kCapitalDottedI = 0x130, kCapitalSigma = 0x3A3, kFinalSigma = 0x3C2;

struct Lead {
  int more;            // bytes that follow
  unsigned low, high;  // of the first of them
  char32_t bits;
};

Lead lead_of(unsigned char c) {
  if (c >= 0xC2 && c <= 0xDF) return {1, 0x80, 0xBF, static_cast<char32_t>(c & 0x1F)};
  if (c >= 0xE0 && c <= 0xEF)
    return {2, c == 0xE0 ? 0xA0U : 0x80U, c == 0xED ? 0x9FU : 0xBFU,
            static_cast<char32_t>(c & 0x0F)};
  if (c >= 0xF0 && c <= 0xF4)
    return {3, c == 0xF0 ? 0x90U : 0x80U, c == 0xF4 ? 0x8FU : 0xBFU,
            static_cast<char32_t>(c & 0x07)};
  return {-1, 0, 0, 0};
}

// Of property Cased.
bool is_cased(char32_t c) {
  const auto within = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
  if (c == 0xAA || c == 0xBA || within(0x2160, 0x217F) || within(0x24B6, 0x24E9) ||
      within(0x1F130, 0x1F149) || within(0x1F150, 0x1F169) || within(0x1F170, 0x1F189))
    return true;  // ordinals, Roman numerals, letters in circles and squares
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

// Marks and the like, which do not end a word: property Case_Ignorable.
bool is_ignored_by_case(char32_t c) {
  constexpr std::u32string_view kWithinWords =
      U"'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a";
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default: return kWithinWords.find(c) != kWithinWords.npos;
  }
}

bool ends_a_word(std::u32string_view text, std::size_t at) {
  std::size_t before = at, after = at + 1;
  while (before > 0 && is_ignored_by_case(text[before - 1])) --before;
  while (after < text.size() && is_ignored_by_case(text[after])) ++after;
  return before > 0 && is_cased(text[before - 1]) &&
         (after == text.size() || !is_cased(text[after]));
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i++]);
    if (c < 0x80) {
      out.push_back(c);
      continue;
    }
    const Lead lead = lead_of(c);
    char32_t value = lead.bits;
    bool whole = lead.more > 0;
    for (int k = 0; k < lead.more; ++k) {
      const unsigned next = i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
      if (next < (k == 0 ? lead.low : 0x80U) || next > (k == 0 ? lead.high : 0xBFU)) {
        whole = false;
        break;
      }
      value = (value << 6) | (next & 0x3F);
      ++i;
    }
    out.push_back(whole ? value : kReplacement);
  }
  return out;
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  for (char32_t c : text) {
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = kReplacement;
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xC0 | (c >> 6)), put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      put(0xE0 | (c >> 12)), put(0x80 | ((c >> 6) & 0x3F)), put(0x80 | (c & 0x3F));
    } else {
      put(0xF0 | (c >> 18)), put(0x80 | ((c >> 12) & 0x3F));
      put(0x80 | ((c >> 6) & 0x3F)), put(0x80 | (c & 0x3F));
    }
  }
  return out;
}

std::u32string lower(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c < 0x80) {
      out.push_back(c >= 'A' && c <= 'Z' ? c + 32 : c);
    } else if (c == kCapitalDottedI) {
      out.append({U'i', char32_t{0x307}});
    } else if (c == kCapitalSigma && ends_a_word(text, i)) {
      out.push_back(kFinalSigma);
    } else {
      out.push_back(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
  }
  return out;
}

std::string lower(std::string_view text) { return encode_utf8(lower(decode_utf8(text))); }

std::string capitalized(std::string_view text) {
  const std::u32string all = decode_utf8(text);
  if (all.empty()) return {};
  // Letters whose title form is several letters: SpecialCasing.txt of Unicode.
  static const std::map<char32_t, std::u32string_view> kLong = {{U'\u00df', U"Ss"},
                                                                {U'\u0149', U"\u02bcN"},
                                                                {U'\u01f0', U"J\u030c"},
                                                                {U'\u0390', U"\u0399\u0308\u0301"},
                                                                {U'\u03b0', U"\u03a5\u0308\u0301"},
                                                                {U'\u0587', U"\u0535\u0582"},
                                                                {U'\u1e96', U"H\u0331"},
                                                                {U'\u1e97', U"T\u0308"},
                                                                {U'\u1e98', U"W\u030a"},
                                                                {U'\u1e99', U"Y\u030a"},
                                                                {U'\u1e9a', U"A\u02be"},
                                                                {U'\u1f50', U"\u03a5\u0313"},
                                                                {U'\u1f52', U"\u03a5\u0313\u0300"},
                                                                {U'\u1f54', U"\u03a5\u0313\u0301"},
                                                                {U'\u1f56', U"\u03a5\u0313\u0342"},
                                                                {U'\u1fb2', U"\u1fba\u0345"},
                                                                {U'\u1fb4', U"\u0386\u0345"},
                                                                {U'\u1fb6', U"\u0391\u0342"},
                                                                {U'\u1fb7', U"\u0391\u0342\u0345"},
                                                                {U'\u1fc2', U"\u1fca\u0345"},
                                                                {U'\u1fc4', U"\u0389\u0345"},
                                                                {U'\u1fc6', U"\u0397\u0342"},
                                                                {U'\u1fc7', U"\u0397\u0342\u0345"},
                                                                {U'\u1fd2', U"\u0399\u0308\u0300"},
                                                                {U'\u1fd3', U"\u0399\u0308\u0301"},
                                                                {U'\u1fd6', U"\u0399\u0342"},
                                                                {U'\u1fd7', U"\u0399\u0308\u0342"},
                                                                {U'\u1fe2', U"\u03a5\u0308\u0300"},
                                                                {U'\u1fe3', U"\u03a5\u0308\u0301"},
                                                                {U'\u1fe4', U"\u03a1\u0313"},
                                                                {U'\u1fe6', U"\u03a5\u0342"},
                                                                {U'\u1fe7', U"\u03a5\u0308\u0342"},
                                                                {U'\u1ff2', U"\u1ffa\u0345"},
                                                                {U'\u1ff4', U"\u038f\u0345"},
                                                                {U'\u1ff6', U"\u03a9\u0342"},
                                                                {U'\u1ff7', U"\u03a9\u0342\u0345"},
                                                                {U'\ufb00', U"Ff"},
                                                                {U'\ufb01', U"Fi"},
                                                                {U'\ufb02', U"Fl"},
                                                                {U'\ufb03', U"Ffi"},
                                                                {U'\ufb04', U"Ffl"},
                                                                {U'\ufb05', U"St"},
                                                                {U'\ufb06', U"St"},
                                                                {U'\ufb13', U"\u0544\u0576"},
                                                                {U'\ufb14', U"\u0544\u0565"},
                                                                {U'\ufb15', U"\u0544\u056b"},
                                                                {U'\ufb16', U"\u054e\u0576"},
                                                                {U'\ufb17', U"\u0544\u056d"}};
  const auto found = kLong.find(all[0]);
  const auto title = utf8proc_totitle(static_cast<utf8proc_int32_t>(all[0]));
  std::u32string out = found != kLong.end() ? std::u32string(found->second)
                                            : std::u32string(1, static_cast<char32_t>(title));
  out += lower(all).substr(lower(std::u32string_view(all).substr(0, 1)).size());
  return encode_utf8(out);
}

std::int32_t java_hash(std::u32string_view text) {
  std::uint32_t h = 0;
  for (const char32_t c : text) {
    if (c < 0x10000) {
      h = 31 * h + c;
    } else {
      h = 31 * h + (0xD800 + ((c - 0x10000) >> 10));
      h = 31 * h + (0xDC00 + ((c - 0x10000) & 0x3FF));
    }
  }
  return static_cast<std::int32_t>(h);
}

bool is_python_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

}  // namespace vega::text
