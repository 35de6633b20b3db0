#include "viz/sheet.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"

using namespace vega;

namespace {

constexpr Color kRed{200, 20, 20}, kGreen{20, 180, 20}, kBlue{20, 20, 200}, kGold{220, 180, 20};

// Cells in rows: first colour in the left half, second in the right one.
ImageU8 halves(int grid_h, int grid_w, Color left, Color right) {
  ImageU8 panel = blank(grid_w, grid_h, left);
  for (int y = 0; y < grid_h; ++y)
    for (int x = grid_w / 2; x < grid_w; ++x)
      blend_pixel(panel.row(y) + 3 * std::ptrdiff_t(x), right, 1);
  return panel;
}

std::vector<SheetFrame> frames(int n, bool panels = true) {
  std::vector<SheetFrame> out;
  for (int i = 0; i < n; ++i) {
    SheetFrame f;
    f.picture = blank(64, 48, kRed);
    if (panels) f.panel = halves(3, 4, kGreen, kBlue);
    f.caption = "frame " + std::to_string(i);
    out.push_back(f);
  }
  return out;
}

}  // namespace

TEST_CASE("pictures above their panels, at the places of the layout") {
  const auto all = frames(5);
  SheetOptions options;
  options.columns = 3;
  options.tile_width = 120;
  const SheetLayout layout = layout_sheet(all, "key", "wan", options);
  const ImageU8 sheet = contact_sheet("key", "wan", all, options);
  CHECK(sheet.size() == layout.page);
  CHECK(layout.columns == 3);
  CHECK(layout.rows == 2);
  CHECK(layout.picture == ImageSize{120, 90});
  CHECK(layout.panel == ImageSize{120, 90});
  const Color page = pixel(sheet, 0, 0);
  for (int i = 0; i < 5; ++i) {
    const int x = layout.picture_x(i), y = layout.picture_y(i), p = layout.panel_y(i);
    CAPTURE(i);
    CHECK(p > y + 90);
    for (const int dx : {0, 60, 119}) {
      CHECK(pixel(sheet, x + dx, y) == kRed);
      CHECK(pixel(sheet, x + dx, y + 89) == kRed);
    }
    CHECK(pixel(sheet, x - 1, y) == page);
    CHECK(pixel(sheet, x + 120, y) == page);
    CHECK(pixel(sheet, x + 5, y + 90) == page);
    // Crisp cells: the colour changes between two neighbouring pixels.
    CHECK(pixel(sheet, x, p) == kGreen);
    CHECK(pixel(sheet, x + 59, p + 89) == kGreen);
    CHECK(pixel(sheet, x + 60, p) == kBlue);
    CHECK(pixel(sheet, x + 119, p + 89) == kBlue);
    CHECK(pixel(sheet, x, p + 90) == page);
  }
  // No sixth frame.
  CHECK(pixel(sheet, layout.picture_x(5) + 60, layout.picture_y(5) + 45) == page);
}

TEST_CASE("title and captions are drawn, empty ones take no room") {
  auto all = frames(2);
  const SheetLayout with = layout_sheet(all, "key", "sub", {});
  const ImageU8 sheet = contact_sheet("key", "sub", all);
  const auto has_ink = [&](int x0, int y0, int x1, int y1) {
    for (int y = y0; y < y1; ++y) {
      for (int x = x0; x < x1; ++x) {
        if (pixel(sheet, x, y) != pixel(sheet, 0, 0)) return true;
      }
    }
    return false;
  };
  CHECK(has_ink(kSheetMargin, 20, kSheetMargin + 60, 45));
  CHECK(has_ink(with.picture_x(1), with.top - 20, with.picture_x(1) + 60, with.top - 2));
  CHECK(!has_ink(0, 0, sheet.width, 20));
  for (auto& f : all) f.caption.clear();
  CHECK(layout_sheet(all, "", "", {}).top == kSheetMargin);
  CHECK(contact_sheet("", "", all).size() == layout_sheet(all, "", "", {}).page);
}

TEST_CASE("a page is near 3:2 and not too wide, whatever the number of frames") {
  for (const int n : {1, 2, 3, 4, 6, 7, 8, 12, 16, 31, 32, 64, 100, 320}) {
    const auto all = frames(n);
    const SheetLayout layout = layout_sheet(all, "key", "", {});
    CAPTURE(n, layout.columns, layout.page.width, layout.page.height);
    CHECK(layout.page.width <= 2000);
    CHECK(layout.columns * layout.rows >= n);
    CHECK(layout.columns * (layout.rows - 1) < n);
    CHECK(layout.picture.width >= 72);
    const double ratio = double(layout.page.width) / layout.page.height;
    // Few frames leave no choice; for very many a tile has a least width.
    if (n >= 6 && n <= 100) CHECK(std::abs(std::log(ratio / 1.5)) < std::log(1.5));
  }
}

TEST_CASE("a covered part is outlined, the rest dimmed, the panel has its shape") {
  auto all = frames(1);
  // Rows 12..35 of 48.
  all[0].covered = CoveredQuad{{{-0.5, 11.5}, {63.5, 11.5}, {63.5, 35.5}, {-0.5, 35.5}}};
  SheetOptions options;
  options.tile_width = 128;
  const SheetLayout layout = layout_sheet(all, "", "", options);
  CHECK(layout.picture == ImageSize{128, 96});
  CHECK(layout.panel == ImageSize{128, 48});
  const ImageU8 sheet = contact_sheet("", "", all, options);
  const int x = layout.picture_x(0), y = layout.picture_y(0);
  CHECK(pixel(sheet, x + 64, y + 48) == kRed);
  CHECK(pixel(sheet, x + 64, y + 5) == Color{80, 8, 8});
  CHECK(pixel(sheet, x + 64, y + 90) == Color{80, 8, 8});
  // The line runs along the edge between rows 23 and 24 of the tile; it is neither of the two.
  const Color line = pixel(sheet, x + 64, y + 24);
  CHECK(line.g > 100);
  CHECK(pixel(sheet, x + 1, y + 48).g > 100);

  // All of the picture, or as good as all: nothing is drawn.
  all[0].covered = CoveredQuad{{{-0.2, -0.4}, {63.9, -0.5}, {63.2, 47.4}, {-0.5, 47.5}}};
  const ImageU8 whole = contact_sheet("", "", all, options);
  for (int v = 0; v < 96; ++v) {
    for (int u = 0; u < 128; ++u) {
      if (pixel(whole, x + u, y + v) != kRed) FAIL("drawn on at " << u << ", " << v);
    }
  }
  CHECK(whole.height > sheet.height);
}

TEST_CASE("smooth panels blend cells") {
  const auto all = frames(1);
  SheetOptions options;
  options.tile_width = 120;
  options.smooth = true;
  const SheetLayout layout = layout_sheet(all, "", "", options);
  const ImageU8 sheet = contact_sheet("", "", all, options);
  const Color between = pixel(sheet, layout.picture_x(0) + 60, layout.panel_y(0) + 45);
  CHECK(between.g > kBlue.g);
  CHECK(between.g < kGreen.g);
}

TEST_CASE("pictures of another shape are fitted into their place") {
  auto all = frames(2);
  all[1].picture = blank(30, 60, kGold);
  SheetOptions options;
  options.columns = 2;
  options.tile_width = 120;
  const SheetLayout layout = layout_sheet(all, "", "", options);
  const ImageU8 sheet = contact_sheet("", "", all, options);
  const int x = layout.picture_x(1), y = layout.picture_y(1);
  CHECK(pixel(sheet, x + 60, y) == kGold);
  CHECK(pixel(sheet, x + 60, y + 89) == kGold);
  CHECK(pixel(sheet, x + 5, y + 45) == pixel(sheet, 0, 0));
}

TEST_CASE("a sheet refuses what does not fit together") {
  CHECK_THROWS_AS(contact_sheet("", "", {}), InputError);
  auto all = frames(2);
  all[1].panel = {};
  CHECK_THROWS_WITH(contact_sheet("", "", all), Catch::Contains("frame 1"));
  all = frames(2);
  all[0].picture = {};
  CHECK_THROWS_AS(contact_sheet("", "", all), InputError);
}

TEST_CASE("frames without panels make a sheet of pictures") {
  const auto all = frames(4, false);
  const SheetLayout layout = layout_sheet(all, "", "", {});
  CHECK(contact_sheet("", "", all).size() == layout.page);
  CHECK(layout.panel.empty());
}
