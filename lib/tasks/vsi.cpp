#include "tasks/vsi.h"

#include <fmt/core.h>
#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "text/unicode.h"

namespace vega::tasks {
namespace {

using View = std::u32string_view;

View stripped(View text) {
  while (!text.empty() && text::is_python_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && text::is_python_space(text.back())) text.remove_suffix(1);
  return text;
}

// The value of a decimal digit of any script; -1: none.
int digit_value(char32_t c) {
  if (text::is_ascii_digit(c)) return static_cast<int>(c - '0');
  if (c < 0x80 || utf8proc_category(static_cast<utf8proc_int32_t>(c)) != UTF8PROC_CATEGORY_ND)
    return -1;
  // The digits of a script stand together, zero first, and every run of such digits has a multiple
  // of ten.
  char32_t zero = c;
  while (utf8proc_category(static_cast<utf8proc_int32_t>(zero - 1)) == UTF8PROC_CATEGORY_ND) --zero;
  return static_cast<int>((c - zero) % 10);
}

struct NumberWord {
  std::u32string_view word;
  int value;
};
constexpr std::array<NumberWord, 30> kNumberWords = {
    {{U"zero", 0},      {U"one", 1},        {U"two", 2},       {U"three", 3},
     {U"four", 4},      {U"five", 5},       {U"six", 6},       {U"seven", 7},
     {U"eight", 8},     {U"nine", 9},       {U"ten", 10},      {U"eleven", 11},
     {U"twelve", 12},   {U"thirteen", 13},  {U"fourteen", 14}, {U"fifteen", 15},
     {U"sixteen", 16},  {U"seventeen", 17}, {U"eighteen", 18}, {U"nineteen", 19},
     {U"twenty", 20},   {U"thirty", 30},    {U"forty", 40},    {U"fifty", 50},
     {U"sixty", 60},    {U"seventy", 70},   {U"eighty", 80},   {U"ninety", 90},
     {U"hundred", 100}, {U"thousand", 1000}}};

std::optional<int> word_value(View word) {
  for (const NumberWord& n : kNumberWords) {
    if (n.word == word) return n.value;
  }
  return std::nullopt;
}

// Number words from `at` on; the value, and where they end.
std::optional<double> spelled_number(const std::u32string& text, std::size_t at) {
  double total = 0, group = 0;
  bool any = false;
  while (at < text.size()) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '-')) ++at;
    std::size_t end = at;
    while (end < text.size() && text::is_ascii_letter(text[end])) ++end;
    const View word = View(text).substr(at, end - at);
    const auto value = word_value(word);
    if (!value) {
      if (word == U"and" && any) {
        at = end;
        continue;
      }
      break;
    }
    any = true;
    if (*value == 100) {
      group = (group == 0 ? 1 : group) * 100;
    } else if (*value == 1000) {
      total += (group == 0 ? 1 : group) * 1000;
      group = 0;
    } else {
      group += *value;
    }
    at = end;
  }
  if (!any) return std::nullopt;
  return total + group;
}

std::optional<double> lenient_number(std::string_view answer) {
  const std::u32string text = text::lower(text::decode_utf8(answer));
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text::is_ascii_digit(text[i])) {
      std::string digits = i > 0 && text[i - 1] == '-' ? "-" : "";
      std::size_t p = i;
      while (p < text.size() && text::is_ascii_digit(text[p]))
        digits += static_cast<char>(text[p++]);
      if (p + 1 < text.size() && text[p] == '.' && text::is_ascii_digit(text[p + 1])) {
        digits += '.';
        for (++p; p < text.size() && text::is_ascii_digit(text[p]); ++p)
          digits += static_cast<char>(text[p]);
      }
      double value = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
      return value;
    }
    if (text::is_ascii_letter(text[i]) && (i == 0 || !text::is_ascii_letter(text[i - 1]))) {
      std::size_t end = i;
      while (end < text.size() && text::is_ascii_letter(text[end])) ++end;
      if (word_value(View(text).substr(i, end - i))) return spelled_number(text, i);
    }
  }
  return std::nullopt;
}

// A letter that stands alone: between characters that are no letters, digits or apostrophes.
std::optional<char> lenient_letter(std::string_view answer, std::string_view options) {
  const std::u32string text = text::decode_utf8(answer);
  const auto joins = [](char32_t c) {
    return text::is_ascii_letter(c) || text::is_ascii_digit(c) || c == '\'' || c == 0x2019 ||
           c > 0x7F;
  };
  std::optional<char> found;
  int strength = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t upper = text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i];
    if (upper > 0x7F || options.find(static_cast<char>(upper)) == options.npos) continue;
    if ((i > 0 && joins(text[i - 1])) || (i + 1 < text.size() && joins(text[i + 1]))) continue;
    // "(B)", "B." and "**B**" say more than a letter in a sentence, where "a" is mostly an article.
    const auto is_mark = [&](std::size_t at) {
      return at < text.size() && (text[at] == '(' || text[at] == ')' || text[at] == '*' ||
                                  text[at] == '.' || text[at] == ':' || text[at] == ',');
    };
    const bool alone =
        stripped(View(text).substr(0, i)).empty() && stripped(View(text).substr(i + 1)).size() <= 1;
    int now = text[i] == upper ? 2 : 0;
    if (alone || is_mark(i + 1) || (i > 0 && is_mark(i - 1) && text[i - 1] != '.')) now += 1;
    if (now == 0 || now < strength || (now == strength && found)) continue;
    found = static_cast<char>(upper);
    strength = now;
  }
  return found;
}

}  // namespace

int vsi_task(std::string_view question_type) {
  for (std::size_t i = 0; i < kVsiTasks.size(); ++i) {
    if (question_type == kVsiTasks[i].question_type) return static_cast<int>(i);
  }
  constexpr std::string_view kDirection = "object_rel_direction_";
  if (question_type.starts_with(kDirection)) {
    const std::string_view level = question_type.substr(kDirection.size());
    if (level == "easy" || level == "medium" || level == "hard") return 5;
  }
  return -1;
}

std::vector<std::int64_t> vsi_frames(std::int64_t total, std::int64_t most) {
  if (total < 1 || most < 1)
    throw InputError(explain("frames of a video", fmt::format("{} of {}", most, total),
                             "at least one of at least one"));
  const std::int64_t count = std::min(total, most);
  std::vector<std::int64_t> out(static_cast<std::size_t>(count), 0);
  const double step =
      count > 1 ? static_cast<double>(total - 1) / static_cast<double>(count - 1) : 0;
  for (std::int64_t i = 0; i < count; ++i)
    out[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(static_cast<double>(i) * step);
  if (count > 1) out.back() = total - 1;
  return out;
}

std::filesystem::path vsi_video(const std::filesystem::path& folder, std::string_view video) {
  return folder / fmt::format("{}.mp4", video);
}

std::optional<double> python_float(std::u32string_view text) {
  std::string digits;
  const View body = stripped(text);
  char32_t before = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char32_t c = body[i];
    if (c == '_') {  // between digits only
      if (digit_value(before) < 0 || i + 1 == body.size() || digit_value(body[i + 1]) < 0)
        return std::nullopt;
    } else if (const int value = digit_value(c); value >= 0) {
      digits += static_cast<char>('0' + value);
    } else if (c < 0x80) {
      digits += static_cast<char>(c);
    } else {
      return std::nullopt;
    }
    before = c;
  }
  std::string_view rest = digits;
  double sign = 1;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    sign = rest[0] == '-' ? -1 : 1;
    rest.remove_prefix(1);
  }
  const std::string word = text::lower(rest);
  if (word == "inf" || word == "infinity") return sign * std::numeric_limits<double>::infinity();
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (rest.empty() || !(text::is_ascii_digit(static_cast<char32_t>(rest[0])) || rest[0] == '.'))
    return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (end != rest.data() + rest.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range)  // the sign of the exponent says which way
    value = rest.find("e-") == rest.npos && rest.find("E-") == rest.npos
                ? std::numeric_limits<double>::infinity()
                : 0;
  else if (error != std::errc{})
    return std::nullopt;
  return sign * value;
}

std::u32string vsi_strict_text(std::string_view answer) {
  const std::u32string text = text::decode_utf8(answer);
  View first = View(text).substr(0, text.find(U' '));
  while (!first.empty() && first.back() == '.') first.remove_suffix(1);
  return std::u32string(stripped(first));
}

std::optional<double> vsi_number(std::string_view answer, VsiParser parser) {
  return parser == VsiParser::kStrict ? python_float(vsi_strict_text(answer))
                                      : lenient_number(answer);
}

std::optional<char> vsi_letter(std::string_view answer, std::string_view options,
                               VsiParser parser) {
  if (parser == VsiParser::kLenient) return lenient_letter(answer, options);
  const std::u32string text = text::lower(vsi_strict_text(answer));
  if (text.size() != 1 || text[0] < 'a' || text[0] > 'z') return std::nullopt;
  return static_cast<char>(text[0] - 32);
}

double mean_relative_accuracy(double predicted, double truth, VsiThresholds thresholds) {
  const double error = std::abs(predicted - truth) / truth;
  const int count = thresholds == VsiThresholds::kEleven ? 11 : 10;
  int met = 0;
  for (int i = 0; i < count; ++i) {
    // The last one is forced, as numpy's linspace does.
    const double confidence =
        i == count - 1 ? 0.95 : 0.5 + i * ((0.95 - 0.5) / static_cast<double>(count - 1));
    met +=
        thresholds == VsiThresholds::kStrictLess ? error < 1 - confidence : error <= 1 - confidence;
  }
  return static_cast<double>(met) / count;
}

}  // namespace vega::tasks
