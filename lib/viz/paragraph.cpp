#include "viz/paragraph.h"

#include <algorithm>
#include <cmath>

#include "text/unicode.h"

namespace vega {
namespace {

constexpr std::size_t kMostBytes = 20'000;

bool fits(const std::u32string& text, double width, const TextStyle& style) {
  return text_width(text::encode_utf8(text), style) <= width;
}

// The most characters of a word, one at least, that fit into a line.
std::size_t fitting(const std::u32string& word, double width, const TextStyle& style) {
  std::size_t low = 1, high = word.size();
  while (low < high) {
    const std::size_t middle = (low + high + 1) / 2;
    if (fits(word.substr(0, middle), width, style))
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

std::vector<std::u32string> words_of(std::string_view text) {
  std::vector<std::u32string> out;
  std::u32string word;
  for (const char32_t c : text::decode_utf8(drawn_text(text))) {
    if (c != U' ') {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) out.push_back(std::move(word));
  return out;
}

}  // namespace

std::vector<std::string> wrap_text(std::string_view text, double width, const TextStyle& style,
                                   std::size_t most) {
  std::vector<std::string> out;
  const bool cut = text.size() > kMostBytes;
  std::vector<std::u32string> words = words_of(text.substr(0, kMostBytes));
  if (cut && !words.empty()) words.back() += U'\u2026';
  std::u32string line;
  const auto end_line = [&] {
    out.push_back(text::encode_utf8(line));
    line.clear();
  };
  for (std::u32string& word : words) {
    if (out.size() > most) break;
    if (!line.empty() && !fits(line + U' ' + word, width, style)) end_line();
    while (line.empty() && out.size() <= most && !fits(word, width, style) && word.size() > 1) {
      const std::size_t n = fitting(word, width, style);
      line = word.substr(0, n);
      word.erase(0, n);
      end_line();
    }
    line += (line.empty() ? U"" : U" ") + word;
  }
  if (!line.empty()) end_line();
  if (out.size() > most) {
    out.resize(most);
    if (!out.empty()) out.back() = fit_text(out.back() + "\u2026", width, style);
    if (!out.empty() && !out.back().ends_with("\u2026")) out.back() += "\u2026";
  }
  return out;
}

double line_height(const TextStyle& style) { return std::ceil(style.size * 1.35); }

double draw_lines(Canvas& canvas, const std::vector<std::string>& lines, Point2 at,
                  const TextStyle& style) {
  for (const std::string& line : lines) {
    canvas.text(line, {at.x, at.y + (line_height(style) + cap_height(style)) / 2}, style);
    at.y += line_height(style);
  }
  return at.y;
}

}  // namespace vega
