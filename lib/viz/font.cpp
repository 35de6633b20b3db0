#include "viz/font.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "viz/glyphs.h"
#include "viz/utf8.h"

namespace vega {
namespace {

constexpr int kSpaceWidth = 5;      // grid units; the letter gap comes on top
constexpr double kLetterGap = 4.6;  // between the middles of strokes of neighbouring letters
constexpr int kCurveSteps = 6;

struct Point {
  double x, y;
};

double unit_of(const TextStyle& style) { return style.scale / 2; }

double pen_width(const TextStyle& style) {
  return std::max(1.0, style.scale * (style.bold ? 1.35 : 0.95));
}

// From the edge of the box of a text to the middle of its outer strokes; whole, so that upright
// and level strokes fill whole pixels.
int inset(const TextStyle& style) { return int(pen_width(style) / 2); }

int base36(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

std::vector<Point> points_of(std::string_view stroke) {
  std::vector<Point> out;
  for (std::size_t i = 0; i + 1 < stroke.size(); i += 2) {
    out.push_back({double(base36(stroke[i])), double(base36(stroke[i + 1]))});
  }
  return out;
}

template <typename F>
void for_each_stroke(std::string_view strokes, F&& f) {
  while (!strokes.empty()) {
    const std::size_t end = std::min(strokes.find(' '), strokes.size());
    std::string_view one = strokes.substr(0, end);
    const char kind = one[0];
    if (kind == '~' || kind == '@' || kind == '.') one.remove_prefix(1);
    f(kind, points_of(one));
    strokes.remove_prefix(std::min(end + 1, strokes.size()));
  }
}

int grid_width(std::uint32_t character) {
  if (character == ' ') return kSpaceWidth;
  double width = 0;
  for_each_stroke(glyph_strokes(character), [&](char, const std::vector<Point>& points) {
    for (const Point& p : points) width = std::max(width, p.x);
  });
  return int(width);
}

Point middle(const Point& a, const Point& b) { return {(a.x + b.x) / 2, (a.y + b.y) / 2}; }

void add_bend(Point from, Point pull, Point to, std::vector<Point>& line) {
  for (int k = 1; k <= kCurveSteps; ++k) {
    const double t = double(k) / kCurveSteps, a = (1 - t) * (1 - t), b = 2 * t * (1 - t), c = t * t;
    line.push_back({a * from.x + b * pull.x + c * to.x, a * from.y + b * pull.y + c * to.y});
  }
}

// Quadratic B-spline: parabolas between the middles of the control polygon's sides.
std::vector<Point> smooth(const std::vector<Point>& p, bool closed) {
  const std::size_t n = p.size();
  if (!closed && n < 3) return p;
  std::vector<Point> line = {closed ? middle(p[n - 1], p[0]) : p[0]};
  for (std::size_t i = closed ? 0 : 1; i < (closed ? n : n - 1); ++i) {
    const bool last = !closed && i + 2 == n;
    add_bend(line.back(), p[i], last ? p[n - 1] : middle(p[i], p[(i + 1) % n]), line);
  }
  return line;
}

// Grid heights to pixels: the lines on which letters stand or end are moved to whole pixels.
double level(double y, double unit) {
  constexpr std::array<double, 5> kLevels = {0, 6, 16, 22, 36};
  std::size_t k = 0;
  while (k + 2 < kLevels.size() && y > kLevels[k + 1]) ++k;
  const double lo = std::round(kLevels[k] * unit), hi = std::round(kLevels[k + 1] * unit);
  return lo + (hi - lo) * (y - kLevels[k]) / (kLevels[k + 1] - kLevels[k]);
}

std::vector<Segment> segments_of(std::uint32_t character, double x, double y, double unit) {
  // Widths become whole pixels too.
  const double width = grid_width(character) * unit;
  const double ux = width > 0 ? unit * std::round(width) / width : unit;
  std::vector<Segment> out;
  for_each_stroke(glyph_strokes(character), [&](char kind, const std::vector<Point>& points) {
    const std::vector<Point> line =
        kind == '~' || kind == '@' ? smooth(points, kind == '@') : points;
    const auto px = [&](const Point& p) { return Point{x + p.x * ux, y + level(p.y, unit)}; };
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (i == 0 && line.size() > 1) continue;
      const Point a = px(line[i == 0 ? 0 : i - 1]), b = px(line[i]);
      out.push_back({a.x, a.y, b.x, b.y});
    }
  });
  return out;
}

// From the start of a character to that of the next one.
int advance(std::uint32_t character, const TextStyle& style) {
  const double unit = unit_of(style);
  const double gap = kLetterGap * unit + pen_width(style) - style.scale * 0.95;
  return int(std::round(grid_width(character) * unit)) + int(std::round(std::max(2.0, gap)));
}

}  // namespace

int text_width(std::string_view text, const TextStyle& style) {
  if (text.empty()) return 0;
  int x = 0;
  std::uint32_t c = 0;
  for (std::size_t i = 0; i < text.size();) {
    c = next_character(text, i);
    x += advance(c, style);
  }
  const int last = int(std::round(grid_width(c) * unit_of(style)));
  return x - advance(c, style) + last + 1 + 2 * inset(style);
}

int text_height(const TextStyle& style) {
  return int(std::round(16 * unit_of(style))) + 1 + 2 * inset(style);
}

void draw_text(ImageU8& image, int x, int y, std::string_view text, const TextStyle& style,
               Anchor anchor) {
  if (anchor == Anchor::kCenter) x -= text_width(text, style) / 2;
  if (anchor == Anchor::kRight) x -= text_width(text, style);
  int left = x + inset(style);
  const int top = y + inset(style);
  for (std::size_t i = 0; i < text.size();) {
    const std::uint32_t c = next_character(text, i);
    const auto segments = segments_of(c, left, top, unit_of(style));
    stroke(image, segments, pen_width(style), style.color);
    left += advance(c, style);
  }
}

std::string fit_text(std::string_view text, int width, const TextStyle& style) {
  if (text_width(text, style) <= width) return std::string(text);
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); next_character(text, i)) starts.push_back(i);
  for (auto end = starts.rbegin(); end != starts.rend(); ++end) {
    const std::string shorter = std::string(text.substr(0, *end)) + "..";
    if (text_width(shorter, style) <= width) return shorter;
  }
  return {};
}

}  // namespace vega
