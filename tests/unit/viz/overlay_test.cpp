#include "viz/overlay.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "base/error.h"

using namespace vega;

namespace {
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
}

TEST_CASE("colormaps begin and end where they are known to, and clamp") {
  CHECK(color_at(Colormap::kTurbo, 0) == Color{0x30, 0x12, 0x3b});
  CHECK(color_at(Colormap::kTurbo, 1) == Color{0x7a, 0x04, 0x02});
  CHECK(color_at(Colormap::kViridis, 0.5) == Color{0x21, 0x91, 0x8c});
  CHECK(color_at(Colormap::kViridis, -3) == color_at(Colormap::kViridis, 0));
  CHECK(color_at(Colormap::kViridis, 3) == color_at(Colormap::kViridis, 1));
  CHECK(color_at(Colormap::kTurbo, std::nan("")) == Color{});
}

TEST_CASE("an overlay colours the pixels of its cells, dims NaN and leaves the rest") {
  ImageU8 picture(8, 6);
  std::fill(picture.rgb.begin(), picture.rgb.end(), std::uint8_t{100});
  // 2x1 cells over columns 0..5 and rows 0..3: 3x4 pixels each.
  const Affine m = {3, 0, 1, 0, 4, 1.5};
  const float values[] = {1, kNan};
  Overlay overlay;
  overlay.alpha = 1;
  overlay_cells(picture, values, {1, 2}, m, overlay);
  CHECK(pixel(picture, 0, 0) == color_at(Colormap::kTurbo, 1));
  CHECK(pixel(picture, 2, 3) == color_at(Colormap::kTurbo, 1));
  CHECK(pixel(picture, 3, 0) == Color{40, 40, 40});
  CHECK(pixel(picture, 6, 0) == Color{100, 100, 100});
  CHECK(pixel(picture, 0, 4) == Color{100, 100, 100});
  CHECK_THROWS_AS(overlay_cells(picture, values, {1, 3}, m, overlay), InputError);
  CHECK_THROWS_AS(overlay_cells(picture, values, {1, 2}, {}, overlay), InputError);
}

TEST_CASE("a transform for a smaller copy keeps the corners") {
  const Affine m = {10, 0, 4.5, 0, 8, 3.5};  // 4x3 cells over 40x24
  const CoveredQuad quad = covered_quad(rescale_pixels(m, {40, 24}, {20, 12}), {3, 4});
  CHECK(quad[0].x == -0.5);
  CHECK(quad[0].y == -0.5);
  CHECK(quad[2].x == 19.5);
  CHECK(quad[2].y == 11.5);
}
