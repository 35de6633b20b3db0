#include "viz/canvas.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>

#include "base/error.h"
#include "text/unicode.h"

namespace vega {

void Canvas::rect(double x, double y, double width, double height, Color color, double alpha) {
  fill(rect_path(x, y, width, height), color, alpha);
}

void Canvas::hatch(std::span<const Path> shape, const Pen& pen, double step, double turn) {
  const double a = turn * std::numbers::pi / 180, dx = std::cos(a), dy = -std::sin(a);
  double low = 1e30, high = -1e30, first = 1e30, last = -1e30;  // across and along the lines
  for (const Path& path : shape) {
    for (const Point2& p : path) {
      const double across = p.x * -dy + p.y * dx, along = p.x * dx + p.y * dy;
      low = std::min(low, across), high = std::max(high, across);
      first = std::min(first, along), last = std::max(last, along);
    }
  }
  std::vector<Path> lines;
  for (double at = std::ceil((low - pen.width) / step) * step; at <= high + pen.width; at += step)
    lines.push_back(
        {{first * dx - at * dy, first * dy + at * dx}, {last * dx - at * dy, last * dy + at * dx}});
  if (lines.empty()) return;
  clip(shape);
  stroke(lines, pen);
  unclip();
}

Path rect_path(double x, double y, double width, double height) {
  return {{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}};
}

std::string fit_text(std::string_view text, double width, const TextStyle& style) {
  if (text_width(text, style) <= width) return std::string(text);
  const std::u32string all = text::decode_utf8(text);
  for (std::size_t n = all.size(); n-- > 0;) {
    std::string shorter = text::encode_utf8(all.substr(0, n) + U"\u2026");
    if (text_width(shorter, style) <= width) return shorter;
  }
  return {};
}

std::string drawn_text(std::string_view text) {
  std::u32string all = text::decode_utf8(text);
  for (char32_t& c : all)
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) c = U' ';
  std::erase_if(all, [](char32_t c) { return c == 0xfffe || c == 0xffff; });  // no XML characters
  return text::encode_utf8(all);
}

ImageU8 blank(int width, int height, Color color) {
  ImageU8 out(width, height);
  for (std::size_t i = 0; i < out.rgb.size(); i += 3)
    out.rgb[i] = color.r, out.rgb[i + 1] = color.g, out.rgb[i + 2] = color.b;
  return out;
}

PageFormat page_format(std::string_view path) {
  const std::string ending = std::filesystem::path(path).extension().string();
  if (ending == ".svg") return PageFormat::kSvg;
  if (ending == ".pdf") return PageFormat::kPdf;
  if (ending == ".png") return PageFormat::kPng;
  throw UsageError(
      explain(std::string(path), "a name without the ending of a picture", ".svg, .pdf or .png"));
}

Color pixel(const ImageU8& image, int x, int y) {
  const std::uint8_t* p = image.row(y) + 3 * std::ptrdiff_t(x);
  return {p[0], p[1], p[2]};
}

void blend_pixel(std::uint8_t* pixel, Color color, double alpha) {
  const std::uint8_t above[] = {color.r, color.g, color.b};
  for (int c = 0; c < 3; ++c)
    pixel[c] = std::uint8_t(std::lround((1 - alpha) * pixel[c] + alpha * above[c]));
}

}  // namespace vega
