#include "viz/colormap.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "viz/font.h"

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

void draw_color_bar(ImageU8& image, int x, int y, int width, int height, const ColorBar& bar,
                    Color ink) {
  for (int i = 0; i < width; ++i)
    fill_rect(image, x + i, y, 1, height, color_at(bar.map, (i + 0.5) / width));
  const TextStyle style{ink, 1.0};
  const int below = y + height + 5;
  if (std::isfinite(bar.low) && std::isfinite(bar.high)) {
    draw_text(image, x, below, fmt::format("{:.3g}", bar.low), style);
    draw_text(image, x + width, below, fmt::format("{:.3g}", bar.high), style, Anchor::kRight);
  }
  draw_text(image, x + width + 12, y + (height - text_height(style)) / 2, bar.title, style);
}

}  // namespace vega
