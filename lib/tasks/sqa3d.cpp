#include "tasks/sqa3d.h"

#include <array>
#include <utility>

#include "text/unicode.h"

namespace vega::tasks {
namespace {

bool is_letter(char c) { return text::is_ascii_letter(static_cast<unsigned char>(c)); }
bool is_digit(char c) { return text::is_ascii_digit(static_cast<unsigned char>(c)); }
bool is_word(char c) { return is_letter(c) || is_digit(c); }

// From here on texts are ASCII but for white space, which separates words as every other character
// that is no letter or digit.
bool begins_word(const std::string& s, std::size_t at) { return at == 0 || !is_word(s[at - 1]); }
bool ends_word(const std::string& s, std::size_t end) {
  return end == s.size() || !is_word(s[end]);
}

std::string replace_word(const std::string& s, std::string_view word, std::string_view instead) {
  std::string out;
  for (std::size_t i = 0; i < s.size();) {
    if (s.compare(i, word.size(), word) == 0 && begins_word(s, i) &&
        ends_word(s, i + word.size())) {
      out += instead;
      i += word.size();
    } else {
      out += s[i++];
    }
  }
  return out;
}

// "o'  clock".
std::string join_oclock(const std::string& s) {
  std::string out;
  for (std::size_t i = 0; i < s.size();) {
    if (s.compare(i, 2, "o'") == 0 && begins_word(s, i)) {
      std::size_t p = i + 2;
      while (p < s.size() && s[p] == ' ') ++p;
      if (p > i + 2 && s.compare(p, 5, "clock") == 0 && ends_word(s, p + 5)) {
        out += "o'clock";
        i = p + 5;
        continue;
      }
    }
    out += s[i++];
  }
  return out;
}

// "no1" to "no".
std::string drop_single_digits(const std::string& s) {
  std::string out;
  for (std::size_t i = 0; i < s.size();) {
    if (begins_word(s, i) && is_letter(s[i])) {
      std::size_t p = i;
      while (p < s.size() && is_letter(s[p])) ++p;
      out.append(s, i, p - i);
      i = p < s.size() && is_digit(s[p]) && ends_word(s, p + 1) ? p + 1 : p;
      continue;
    }
    out += s[i++];
  }
  return out;
}

// An article, one blank, and the letters that follow: the letters stay.
std::string drop_article(const std::string& s, std::string_view article) {
  std::string out;
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t next = i + article.size() + 1;
    if (s.compare(i, article.size(), article) == 0 && begins_word(s, i) && next < s.size() &&
        s[next - 1] == ' ' && is_letter(s[next])) {
      i = next;
      while (i < s.size() && is_letter(s[i])) out += s[i++];
      continue;
    }
    out += s[i++];
  }
  return out;
}

// Outer blanks go, also those before a last line end; runs of blanks become one.
std::u32string without_spare_blanks(std::u32string s) {
  const std::size_t line_end = !s.empty() && s.back() == '\n' ? 1 : 0;
  std::size_t end = s.size() - line_end;
  while (end > 0 && s[end - 1] == ' ') --end;
  s.erase(end, s.size() - line_end - end);
  std::u32string out;
  bool blank = true;
  for (const char32_t c : s) {
    if (c != ' ' || !blank) out += c;
    blank = c == ' ';
  }
  return out;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kSpellings = {
    {{"letf", "left"},
     {"let", "left"},
     {"tehre", "there"},
     {"rigth", "right"},
     {"rght", "right"},
     {"behine", "behind"},
     {"tv", "TV"},
     {"chai", "chair"},
     {"wasing", "washing"},
     {"waslked", "walked"},
     {"oclock", "o'clock"}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 23> kNumbers = {
    {{"0", "zero"},      {"none", "zero"},  {"1", "one"},          {"2", "two"},
     {"3", "three"},     {"4", "four"},     {"5", "five"},         {"6", "six"},
     {"7", "seven"},     {"8", "eight"},    {"9", "nine"},         {"10", "ten"},
     {"11", "eleven"},   {"12", "twelve"},  {"13", "thirteen"},    {"14", "fourteen"},
     {"15", "fifteen"},  {"16", "sixteen"}, {"17", "seventeen"},   {"18", "eighteen"},
     {"19", "nineteen"}, {"20", "twenty"},  {"23", "twenty-three"}}};

std::string without_white_space(std::string_view s) {
  std::u32string out;
  for (const char32_t c : text::decode_utf8(s)) {
    if (!text::is_python_space(c)) out += c;
  }
  return text::encode_utf8(out);
}

}  // namespace

std::string sqa3d_clean(std::string_view answer) {
  std::u32string kept;
  for (const char32_t c : without_spare_blanks(text::lower(text::decode_utf8(answer)))) {
    const bool ascii = c < 0x80 && (is_word(static_cast<char>(c)) || c == ',' || c == '\'' ||
                                    c == '-' || c == ':');
    if (ascii || text::is_python_space(c)) kept += c;
  }
  std::string s = text::encode_utf8(kept);
  for (const auto& [word, instead] : kSpellings) s = replace_word(s, word, instead);
  s = join_oclock(s);
  for (const auto& [word, instead] : kNumbers) s = replace_word(s, word, instead);
  s = drop_single_digits(s);
  for (const std::string_view article : {"a", "an", "the"}) s = drop_article(s, article);
  return replace_word(s, "backwards", "backward");
}

Sqa3dMatch sqa3d_match(std::string_view answer, std::string_view truth) {
  if (answer == truth) return Sqa3dMatch::kStrict;
  const std::string a = sqa3d_clean(answer), t = sqa3d_clean(truth);
  if (a == t) return Sqa3dMatch::kOfficial;
  const std::string bare_a = without_white_space(a), bare_t = without_white_space(t);
  const bool within = bare_a.find(bare_t) != bare_a.npos || bare_t.find(bare_a) != bare_t.npos;
  return within ? Sqa3dMatch::kRefined : Sqa3dMatch::kNone;
}

std::string sqa3d_type(std::string_view question) {
  const std::u32string all = text::decode_utf8(question);
  std::size_t first = 0;  // str.lstrip()
  while (first < all.size() && text::is_python_space(all[first])) ++first;
  const std::string start =
      text::lower(text::encode_utf8(std::u32string_view(all).substr(first, 5)));
  for (const std::string_view word : {"what", "is", "how", "can", "which"})
    if (start.starts_with(word)) return std::string(word);
  return "others";
}

}  // namespace vega::tasks
