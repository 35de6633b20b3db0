#include "viz/draw.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace vega;

TEST_CASE("a stroke of width one on pixel centres fills its pixels only") {
  ImageU8 image(10, 5);
  const Segment line{2, 2, 7, 2};
  stroke(image, {&line, 1}, 1.0, {255, 128, 0});
  for (int x = 2; x <= 7; ++x) CHECK(pixel(image, x, 2) == Color{255, 128, 0});
  for (int x = 0; x < 10; ++x) {
    CHECK(pixel(image, x, 1) == Color{});
    CHECK(pixel(image, x, 3) == Color{});
  }
  CHECK(pixel(image, 1, 2) == Color{});
  CHECK(pixel(image, 8, 2) == Color{});
}

TEST_CASE("a stroke between two rows covers both by half") {
  ImageU8 image(10, 5);
  const Segment line{0, 1.5, 9, 1.5};
  stroke(image, {&line, 1}, 1.0, {200, 200, 200});
  CHECK(pixel(image, 5, 1) == Color{100, 100, 100});
  CHECK(pixel(image, 5, 2) == Color{100, 100, 100});
}

TEST_CASE("crossing segments are painted once") {
  ImageU8 once(9, 9), twice(9, 9);
  const std::vector<Segment> line = {{0, 3.5, 8, 3.5}};
  const std::vector<Segment> same = {{0, 3.5, 8, 3.5}, {8, 3.5, 0, 3.5}};
  stroke(once, line, 2.0, {255, 255, 255});
  stroke(twice, same, 2.0, {255, 255, 255});
  CHECK(once.rgb == twice.rgb);
}

TEST_CASE("what leaves the image is cut off") {
  ImageU8 image(4, 4);
  const std::vector<Segment> far = {{-1e12, -50, 1e12, -50}};
  stroke(image, far, 3, {9, 9, 9});
  CHECK(std::count(image.rgb.begin(), image.rgb.end(), 0) == 48);
  fill_rect(image, -5, 2, 7, 20, {1, 2, 3});
  CHECK(pixel(image, 1, 3) == Color{1, 2, 3});
  CHECK(pixel(image, 2, 3) == Color{});
  CHECK(pixel(image, 1, 1) == Color{});

  ImageU8 from(3, 3);
  fill_rect(from, 0, 0, 3, 3, {7, 7, 7});
  fill_rect(from, 2, 2, 1, 1, {8, 8, 8});
  paste(image, -2, -2, from);
  CHECK(pixel(image, 0, 0) == Color{8, 8, 8});
  CHECK(pixel(image, 1, 0) == Color{});
  paste(image, 3, 3, from);
  CHECK(pixel(image, 3, 3) == Color{7, 7, 7});
  paste(image, 4, 0, from);
  CHECK(pixel(image, 3, 0) == Color{});
}
