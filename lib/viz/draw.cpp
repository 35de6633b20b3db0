#include "viz/draw.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace vega {
namespace {

double squared_distance(const Segment& s, double x, double y) {
  const double dx = s.x1 - s.x0, dy = s.y1 - s.y0;
  const double length2 = dx * dx + dy * dy;
  const double along = (x - s.x0) * dx + (y - s.y0) * dy;
  const double t = length2 > 0 ? std::clamp(along / length2, 0.0, 1.0) : 0.0;
  const double ex = x - (s.x0 + t * dx), ey = y - (s.y0 + t * dy);
  return ex * ex + ey * ey;
}

}  // namespace

void stroke(ImageU8& image, std::span<const Segment> segments, double width, Color color) {
  if (segments.empty() || image.width == 0 || image.height == 0) return;
  double left = std::numeric_limits<double>::max(), top = left, right = -left, bottom = -left;
  for (const Segment& s : segments) {
    left = std::min({left, s.x0, s.x1});
    right = std::max({right, s.x0, s.x1});
    top = std::min({top, s.y0, s.y1});
    bottom = std::max({bottom, s.y0, s.y1});
  }
  const double reach = width / 2 + 1;
  const auto clip = [](double v, int size) {
    return int(std::clamp(std::floor(v), -1.0, double(size)));
  };
  const int x_first = std::max(0, clip(left - reach, image.width));
  const int y_first = std::max(0, clip(top - reach, image.height));
  const int x_last = std::min(image.width - 1, clip(right + reach, image.width));
  const int y_last = std::min(image.height - 1, clip(bottom + reach, image.height));
  for (int y = y_first; y <= y_last; ++y) {
    for (int x = x_first; x <= x_last; ++x) {
      double nearest = std::numeric_limits<double>::max();
      for (const Segment& s : segments) nearest = std::min(nearest, squared_distance(s, x, y));
      // Half a pixel of ramp on both sides of the pen's edge.
      const double alpha = std::clamp(width / 2 + 0.5 - std::sqrt(nearest), 0.0, 1.0);
      if (alpha <= 0) continue;
      blend_pixel(image.row(y) + 3 * std::ptrdiff_t(x), color, alpha);
    }
  }
}

void fill_rect(ImageU8& image, int x, int y, int width, int height, Color color) {
  for (int v = std::max(0, y); v < std::min(image.height, y + height); ++v) {
    for (int u = std::max(0, x); u < std::min(image.width, x + width); ++u) {
      std::uint8_t* p = image.row(v) + 3 * std::ptrdiff_t(u);
      p[0] = color.r;
      p[1] = color.g;
      p[2] = color.b;
    }
  }
}

void paste(ImageU8& image, int x, int y, const ImageU8& from) {
  const int first = std::max(0, -x), last = std::min(from.width, image.width - x);
  if (first >= last) return;
  for (int v = std::max(0, -y); v < std::min(from.height, image.height - y); ++v) {
    std::copy_n(from.row(v) + 3 * std::ptrdiff_t(first), 3 * std::ptrdiff_t(last - first),
                image.row(y + v) + 3 * std::ptrdiff_t(x + first));
  }
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
