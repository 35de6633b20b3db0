#include "viz/font.h"

#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "viz/utf8.h"

using namespace vega;

namespace {

const TextStyle kWhite{{255, 255, 255}, 1.25};

ImageU8 drawn(const std::string& text, const TextStyle& style = kWhite) {
  ImageU8 image(60, 30);
  draw_text(image, 20, 8, text, style);
  return image;
}

// Columns and rows of the pixels that are not black.
struct Box {
  int left = 1 << 20, right = -1, top = 1 << 20, bottom = -1;
};
Box ink(const ImageU8& image, int threshold = 0) {
  Box box;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (pixel(image, x, y).r <= threshold) continue;
      box.left = std::min(box.left, x);
      box.right = std::max(box.right, x);
      box.top = std::min(box.top, y);
      box.bottom = std::max(box.bottom, y);
    }
  }
  return box;
}

}  // namespace

TEST_CASE("all printable characters are drawn and differ") {
  std::map<std::vector<std::uint8_t>, char> seen;
  for (const double scale : {1.0, 1.25, 1.75}) {
    seen.clear();
    for (char c = '!'; c <= '~'; ++c) {
      const ImageU8 image = drawn(std::string(1, c), {{255, 255, 255}, scale});
      CAPTURE(c, scale);
      CHECK(ink(image).right >= 20);
      const auto [it, fresh] = seen.emplace(image.rgb, c);
      INFO("same picture as " << it->second);
      CHECK(fresh);
    }
  }
  CHECK(ink(drawn(" ")).right == -1);
}

TEST_CASE("text fills the box that it is said to fill") {
  for (const TextStyle& style : {TextStyle{{255, 255, 255}, 1.0}, TextStyle{{255, 255, 255}, 1.25},
                                 TextStyle{{255, 255, 255}, 1.75, true}}) {
    CAPTURE(style.scale);
    const Box box = ink(drawn("HH", style), 127);
    CHECK(box.left == 20);
    CHECK(box.right == 20 + text_width("HH", style) - 1);
    CHECK(box.top == 8);
    CHECK(box.bottom == 8 + text_height(style) - 1);
  }
  CHECK(text_width("", kWhite) == 0);
  CHECK(text_width("0000", kWhite) == text_width("1478", kWhite));
  CHECK(text_width("mm", kWhite) > text_width("ii", kWhite));
  // Descenders hang below the baseline.
  CHECK(ink(drawn("g"), 127).bottom > 8 + text_height(kWhite) - 1);
}

TEST_CASE("level and upright strokes are crisp") {
  // H at scale 1: both stems are one full column, nothing beside them.
  const ImageU8 image = drawn("H", {{255, 255, 255}, 1.0});
  CHECK(pixel(image, 20, 10).r == 255);
  CHECK(pixel(image, 19, 10).r == 0);
  CHECK(pixel(image, 21, 10).r == 0);
}

TEST_CASE("bold is heavier, colour is used") {
  const auto sum = [](const ImageU8& image) {
    long total = 0;
    for (const auto v : image.rgb) total += v;
    return total;
  };
  CHECK(sum(drawn("Rg", {{255, 255, 255}, 1.75, true})) >
        1.2 * sum(drawn("Rg", {{255, 255, 255}, 1.75})));
  const ImageU8 red = drawn("l", {{200, 10, 0}, 1.0});
  CHECK(pixel(red, 20, 12) == Color{200, 10, 0});
}

TEST_CASE("text outside the image is cut off") {
  ImageU8 image(10, 10);
  draw_text(image, -30, -5, "frame-000016 and more", kWhite);
  draw_text(image, 500, 500, "far", kWhite);
  CHECK(image.rgb.size() == 300);
  CHECK(ink(image).right >= 0);
}

TEST_CASE("UTF-8: one glyph a character") {
  std::size_t i = 0;
  const std::string text = "a\u00d7\u4e2d\xff";
  CHECK(next_character(text, i) == 'a');
  CHECK(next_character(text, i) == 0xD7);
  CHECK(next_character(text, i) == 0x4E2D);
  CHECK(next_character(text, i) == 0xFF);
  CHECK(i == text.size());
  CHECK(drawn("\u4e2d").rgb == drawn("\u6587").rgb);
  CHECK(drawn("\u00d7").rgb != drawn("\u4e2d").rgb);
}

TEST_CASE("text is shortened to fit") {
  CHECK(fit_text("frame", 1000, kWhite) == "frame");
  const std::string shorter = fit_text("frame-000016", 50, kWhite);
  CHECK(shorter.size() < 12);
  CHECK(shorter.substr(shorter.size() - 2) == "..");
  CHECK(text_width(shorter, kWhite) <= 50);
  CHECK(fit_text("frame", 3, kWhite).empty());
}
