#include "viz/sheet.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "viz/draw.h"

using namespace vega;

namespace {

constexpr Color kRed{200, 20, 20}, kGreen{20, 180, 20}, kBlue{20, 20, 200}, kGold{220, 180, 20};

ImageU8 plain(int width, int height, Color color) {
  ImageU8 image(width, height);
  fill_rect(image, 0, 0, width, height, color);
  return image;
}

// Cells in rows: first colour in the left half, second in the right one.
CellPanel halves(int grid_h, int grid_w, Color left, Color right) {
  CellPanel panel{grid_h, grid_w, {}};
  for (int i = 0; i < grid_h * grid_w; ++i) {
    const Color c = i % grid_w < grid_w / 2 ? left : right;
    panel.rgb.insert(panel.rgb.end(), {c.r, c.g, c.b});
  }
  return panel;
}

std::vector<SheetFrame> frames(int n, int panels = 1) {
  std::vector<SheetFrame> out;
  for (int i = 0; i < n; ++i) {
    SheetFrame f;
    f.picture = plain(64, 48, kRed);
    for (int k = 0; k < panels; ++k) {
      f.panels.push_back(halves(3, 4, k % 2 == 0 ? kGreen : kGold, kBlue));
    }
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
    const int x = layout.picture_x(i), y = layout.picture_y(i), p = layout.panel_y(i, 0);
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
  CHECK(has_ink(with.left, 20, with.left + 60, 45));
  CHECK(has_ink(with.picture_x(1), with.top - 20, with.picture_x(1) + 60, with.top - 2));
  CHECK(!has_ink(0, 0, sheet.width, 20));
  for (auto& f : all) f.caption.clear();
  CHECK(layout_sheet(all, "", "", {}).top == with.left);
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
  SheetOptions narrow;
  narrow.max_width = 700;
  CHECK(layout_sheet(frames(40), "a title", "", narrow).page.width <= 700);
}

TEST_CASE("several taps: one panel a tap, labels at the left") {
  const auto all = frames(3, 2);
  SheetOptions options;
  options.columns = 3;
  options.labels = {"block 10", "block 20"};
  const SheetLayout plain_layout = layout_sheet(frames(3, 2), "", "", {.columns = 3});
  const SheetLayout layout = layout_sheet(all, "", "", options);
  CHECK(layout.panels == 2);
  CHECK(layout.left > plain_layout.left + 40);
  const ImageU8 sheet = contact_sheet("", "", all, options);
  CHECK(layout.panel_y(0, 1) - layout.panel_y(0, 0) == layout.panel_step);
  CHECK(pixel(sheet, layout.picture_x(2), layout.panel_y(2, 0)) == kGreen);
  CHECK(pixel(sheet, layout.picture_x(2), layout.panel_y(2, 1)) == kGold);
  int ink = 0;
  for (int x = 0; x < layout.left; ++x) {
    for (int y = 0; y < layout.panel.height; ++y) {
      ink += pixel(sheet, x, layout.panel_y(0, 1) + y) != pixel(sheet, 0, 0);
    }
  }
  CHECK(ink > 20);
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
  const Color between = pixel(sheet, layout.picture_x(0) + 60, layout.panel_y(0, 0) + 45);
  CHECK(between.g > kBlue.g);
  CHECK(between.g < kGreen.g);
}

TEST_CASE("pictures of another shape are fitted into their place") {
  auto all = frames(2);
  all[1].picture = plain(30, 60, kGold);
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
  SheetOptions labels;
  labels.labels = {"a", "b"};
  CHECK_THROWS_AS(contact_sheet("", "", all, labels), InputError);
  all[1].panels.clear();
  CHECK_THROWS_WITH(contact_sheet("", "", all), Catch::Contains("frame 1"));
  all = frames(2);
  all[1].panels[0].rgb.pop_back();
  CHECK_THROWS_AS(contact_sheet("", "", all), InputError);
  all = frames(2);
  all[0].picture = {};
  CHECK_THROWS_AS(contact_sheet("", "", all), InputError);
}

TEST_CASE("frames without panels make a sheet of pictures") {
  const auto all = frames(4, 0);
  const SheetLayout layout = layout_sheet(all, "", "", {});
  CHECK(contact_sheet("", "", all).size() == layout.page);
  CHECK(layout.panels == 0);
}
