#include "viz/overlay.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"

namespace vega {
namespace {

constexpr double kDimmed = 0.4;

std::uint8_t blend(std::uint8_t a, std::uint8_t b, double alpha) {
  return static_cast<std::uint8_t>(std::lround((1 - alpha) * a + alpha * b));
}

}  // namespace

std::array<double, 6> scaled(const std::array<double, 6>& m, ImageSize frame, ImageSize copy) {
  if (frame.width < 1 || frame.height < 1)
    throw InputError(explain("picture", "frames of unknown size", "their width and height"));
  const double x = static_cast<double>(copy.width) / frame.width;
  const double y = static_cast<double>(copy.height) / frame.height;
  return {m[0] * x, m[1] * x, (m[2] + 0.5) * x - 0.5, m[3] * y, m[4] * y, (m[5] + 0.5) * y - 0.5};
}

CoveredQuad covered_quad(const std::array<double, 6>& m, int grid_w, int grid_h) {
  const auto corner = [&](double column, double row) {
    return PicturePoint{m[0] * column + m[1] * row + m[2], m[3] * column + m[4] * row + m[5]};
  };
  const double right = grid_w - 0.5, bottom = grid_h - 0.5;
  return {corner(-0.5, -0.5), corner(right, -0.5), corner(right, bottom), corner(-0.5, bottom)};
}

void overlay_cells(ImageU8& picture, std::span<const float> values, int grid_w, int grid_h,
                   const std::array<double, 6>& m, const Overlay& overlay) {
  if (values.size() != static_cast<std::size_t>(grid_w) * static_cast<std::size_t>(grid_h))
    throw InputError(explain("overlay", std::to_string(values.size()) + " values",
                             std::to_string(grid_w) + "x" + std::to_string(grid_h)));
  const double det = m[0] * m[4] - m[1] * m[3];
  if (!std::isfinite(det) || std::abs(det) < 1e-12)
    throw InputError(explain("overlay", "a transform without inverse"));
  const double range = overlay.high - overlay.low;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const double u = x - m[2], v = y - m[5];
      const double column = std::floor((m[4] * u - m[1] * v) / det + 0.5);
      const double row = std::floor((m[0] * v - m[3] * u) / det + 0.5);
      if (!(column >= 0 && column < grid_w && row >= 0 && row < grid_h)) continue;
      const double value = values[static_cast<std::size_t>(row) * static_cast<std::size_t>(grid_w) +
                                  static_cast<std::size_t>(column)];
      std::uint8_t* p = picture.row(y) + 3 * static_cast<std::ptrdiff_t>(x);
      if (std::isnan(value)) {
        for (int c = 0; c < 3; ++c) p[c] = static_cast<std::uint8_t>(std::lround(p[c] * kDimmed));
        continue;
      }
      const double t = range > 0 ? std::clamp((value - overlay.low) / range, 0.0, 1.0) : 0.5;
      const Color color = color_at(overlay.map, std::pow(t, overlay.gamma));
      p[0] = blend(p[0], color.r, overlay.alpha);
      p[1] = blend(p[1], color.g, overlay.alpha);
      p[2] = blend(p[2], color.b, overlay.alpha);
    }
  }
}

double quantile(std::span<const float> values, double share) {
  std::vector<float> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](float v) { return std::isfinite(v); });
  if (finite.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(finite.begin(), finite.end());
  const double at = share * static_cast<double>(finite.size() - 1);
  const auto i = static_cast<std::size_t>(at);
  const double next = finite[std::min(i + 1, finite.size() - 1)];
  return finite[i] + (at - static_cast<double>(i)) * (next - finite[i]);
}

}  // namespace vega
