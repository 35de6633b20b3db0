#include "metrics/meteor_words.h"

#include "text/unicode.h"

namespace vega::metrics {
namespace {

using Text = std::u32string;
using View = std::u32string_view;

bool is_alpha(char32_t c) {
  return text::is_ascii_letter(c) || (c >= 0xC0 && c <= 0x17E && c != 0xD7 && c != 0xF7) ||
         (c >= 0x400 && c <= 0x527) || (c >= 0xA640 && c <= 0xA66E) ||
         (c >= 0xA67E && c <= 0xA697) || (c >= 0x1D00 && c <= 0x1D7F);
}
bool is_ascii_space(char32_t c) { return c == ' ' || (c >= 0x09 && c <= 0x0D); }
bool is_kept(char32_t c) {
  return is_alpha(c) || text::is_ascii_digit(c) || is_ascii_space(c) || c == '.' || c == '\'' ||
         c == ',' || c == '-' || c == '`' || c == 0x2018 || c == 0x2019;
}

// One pass from left to right over non-overlapping matches of three characters: the middle one is
// `middle`, the neighbours satisfy `left` and `right`. What stands for it: before + middle + after.
template <typename Left, typename Right>
Text around(View text, char32_t middle, Left left, Right right, View instead) {
  if (text.find(middle) == text.npos) return Text(text);
  Text out;
  out.reserve(text.size() + 8);
  std::size_t i = 0;
  while (i < text.size()) {
    if (i + 2 < text.size() && text[i + 1] == middle && left(text[i]) && right(text[i + 2])) {
      out.push_back(text[i]);
      out.append(instead);
      out.push_back(text[i + 2]);
      i += 3;
    } else {
      out.push_back(text[i++]);
    }
  }
  return out;
}

Text replaced(View text, View what, View instead) {
  if (text.find(what) == text.npos) return Text(text);
  Text out;
  out.reserve(text.size() + 8);
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i, what.size()) == what) {
      out.append(instead);
      i += what.size();
    } else {
      out.push_back(text[i++]);
    }
  }
  return out;
}

// Rules 1 and 2: other characters, and runs of dots, stand alone.
Text separated(View text) {
  Text out, dots;
  out.reserve(text.size() + 8);
  dots.reserve(text.size() + 8);
  for (const char32_t c : text) {
    if (is_kept(c)) {
      out.push_back(c);
    } else {
      out.append({U' ', c, U' '});
    }
  }
  for (std::size_t i = 0; i < out.size();) {
    std::size_t end = i;
    while (end < out.size() && out[end] == '.') ++end;
    if (end - i >= 2) {
      dots.append(U" ").append(out, i, end - i).append(U" ");
      i = end;
    } else {
      dots.push_back(out[i++]);
    }
  }
  return dots;
}

Text punctuation_apart(View text) {
  const auto digit = [](char32_t c) { return text::is_ascii_digit(c); };
  const auto no_digit = [](char32_t c) { return !text::is_ascii_digit(c); };
  const auto alpha = [](char32_t c) { return is_alpha(c); };
  const auto no_alpha = [](char32_t c) { return !is_alpha(c); };
  const auto neither = [](char32_t c) { return !is_alpha(c) && !text::is_ascii_digit(c); };
  const auto alnum = [](char32_t c) { return is_alpha(c) || text::is_ascii_digit(c); };
  const auto alnum_dot = [](char32_t c) {
    return is_alpha(c) || text::is_ascii_digit(c) || c == '.';
  };

  Text t = separated(text);
  t = around(t, ',', no_digit, no_digit, U" , ");
  t = around(t, ',', digit, no_digit, U" , ");
  t = around(t, ',', no_digit, digit, U" , ");
  for (char32_t& c : t) {
    if (c == '`' || c == 0x2018 || c == 0x2019) c = '\'';
  }
  t = replaced(replaced(t, U"\u201C", U" \" "), U"\u201D", U" \" ");
  t = replaced(t, U"''", U" \" ");
  t = replaced(replaced(t, U"\u2013", U"-"), U"--", U"-");
  t = around(t, '-', alnum_dot, alnum, U" ");
  t = around(t, '\'', no_alpha, no_alpha, U" ' ");
  t = around(t, '\'', neither, alpha, U" ' ");
  t = around(t, '\'', alpha, no_alpha, U" ' ");
  t = around(t, '\'', alpha, alpha, U" '");
  // A digit, then 's.
  Text out;
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (t[i] == '\'' && i > 0 && text::is_ascii_digit(t[i - 1]) && i + 1 < t.size() &&
        t[i + 1] == 's')
      out.push_back(' ');
    out.push_back(t[i]);
  }
  return out;
}

bool is_blank(char32_t c) {
  return c == ' ' || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

template <typename Separates>
std::vector<Text> split(View text, Separates separates) {
  std::vector<Text> out;
  for (std::size_t i = 0; i < text.size();) {
    if (separates(text[i])) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && !separates(text[i])) ++i;
    out.emplace_back(text.substr(begin, i - begin));
  }
  return out;
}

// Rule 10: does the dot at the end of a word belong to it?
Text without_full_stop(const Text& word, const Text* next, const MeteorPrefixes& prefixes) {
  if (word.size() < 2 || word.back() != '.' || word.find_first_not_of(U'.') == Text::npos)
    return word;
  const Text stem = word.substr(0, word.size() - 1);
  bool dot = false, letter = false;
  for (const char32_t c : stem) dot |= c == '.', letter |= is_alpha(c);
  if (dot && letter) {
    Text out;
    for (const char32_t c : stem) {
      if (c != '.') out.push_back(c);
    }
    return out;
  }
  if (prefixes.always.contains(stem)) return word;
  if (next != nullptr && (*next)[0] >= 'a' && (*next)[0] <= 'z') return word;
  if (prefixes.before_numbers.contains(stem) && next != nullptr && text::is_ascii_digit((*next)[0]))
    return word;
  return stem + U" .";
}

}  // namespace

std::vector<std::u32string> meteor_words(std::u32string_view caption,
                                         const MeteorPrefixes& prefixes) {
  Text text = U" ";
  text.append(caption).append(U" ");
  const auto rough = split(punctuation_apart(text), [](char32_t c) { return is_ascii_space(c); });
  Text joined;
  for (std::size_t i = 0; i < rough.size(); ++i) {
    joined += without_full_stop(rough[i], i + 1 < rough.size() ? &rough[i + 1] : nullptr, prefixes);
    joined.push_back(' ');
  }
  return split(text::lower(joined), [](char32_t c) {
    return is_blank(c) || c == '\t' || c == '\n' || c == '\r' || c == '\f';
  });
}

}  // namespace vega::metrics
