#include "viz/colormap.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

namespace vega {
namespace {

constexpr std::array<std::uint32_t, 15> kTurbo = {0x30123b, 0x4145ab, 0x4675ed, 0x39a2fc, 0x1bcfd4,
                                                  0x24eca6, 0x61fc6c, 0xa4fc3b, 0xd1e834, 0xf3c63a,
                                                  0xfe9b2d, 0xf36315, 0xd93806, 0xb11901, 0x7a0402};
constexpr std::array<std::uint32_t, 9> kViridis = {0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c,
                                                   0x28ae80, 0x5ec962, 0xaddc30, 0xfde725};

std::uint8_t channel(std::uint32_t a, std::uint32_t b, int shift, double part) {
  const double from = (a >> shift) & 0xffU, to = (b >> shift) & 0xffU;
  return static_cast<std::uint8_t>(std::lround(from + part * (to - from)));
}

}  // namespace

Color color_at(Colormap map, double t) {
  if (std::isnan(t)) return {};
  const std::span<const std::uint32_t> knots =
      map == Colormap::kTurbo ? std::span<const std::uint32_t>(kTurbo) : kViridis;
  const double at = std::clamp(t, 0.0, 1.0) * static_cast<double>(knots.size() - 1);
  const auto i = std::min(static_cast<std::size_t>(at), knots.size() - 2);
  const double part = at - static_cast<double>(i);
  return {channel(knots[i], knots[i + 1], 16, part), channel(knots[i], knots[i + 1], 8, part),
          channel(knots[i], knots[i + 1], 0, part)};
}

void draw_colors(Canvas& canvas, Point2 at, double width, double height, Colormap map) {
  constexpr int kSteps = 256;
  ImageU8 colors = blank(kSteps, 1, {});
  for (int i = 0; i < kSteps; ++i)
    blend_pixel(colors.row(0) + 3 * std::ptrdiff_t(i), color_at(map, (i + 0.5) / kSteps), 1);
  canvas.image(colors, at, width, height);
}

void draw_color_bar(Canvas& canvas, Point2 at, double width, double height, const ColorBar& bar,
                    Color ink) {
  draw_colors(canvas, at, width, height, bar.map);
  TextStyle style{ink, 11};
  const double middle = (height + cap_height(style)) / 2, below = height + 5 + cap_height(style);
  canvas.text(bar.title, {at.x + width + 12, at.y + middle}, style);
  if (!std::isfinite(bar.low) || !std::isfinite(bar.high)) return;
  canvas.text(fmt::format("{:.3g}", bar.low), {at.x, at.y + below}, style);
  style.anchor = Anchor::kRight;
  canvas.text(fmt::format("{:.3g}", bar.high), {at.x + width, at.y + below}, style);
}

}  // namespace vega
