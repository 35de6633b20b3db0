#include "geometry/affine.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "base/error.h"

using namespace vega;

TEST_CASE("an affine map, its inverse, and one after the other") {
  const Affine m = {3, 1, -4, 2, 5, 7};
  const Point2 p = apply(m, 2, -1);
  CHECK(p.x == 1);
  CHECK(p.y == 6);
  const Point2 back = apply(inverse(m, "map"), p.x, p.y);
  CHECK(back.x == Approx(2).epsilon(1e-14));
  CHECK(back.y == Approx(-1).epsilon(1e-14));
  const Affine n = {0.5, -2, 1, 1, 1, -3};
  const Point2 once = apply(compose(n, m), 2, -1), twice = apply(n, p.x, p.y);
  CHECK(once.x == Approx(twice.x).epsilon(1e-14));
  CHECK(once.y == Approx(twice.y).epsilon(1e-14));
}

TEST_CASE("one rule says which maps have an inverse") {
  CHECK(has_inverse({1e-6, 0, 0, 0, 1e-6, 0}));  // an area of 1e-12
  CHECK_FALSE(has_inverse({1e-6, 0, 0, 0, 0.9e-6, 0}));
  CHECK_FALSE(has_inverse({}));
  CHECK_FALSE(has_inverse({1, 2, 0, 2, 4, 0}));
  CHECK_FALSE(has_inverse({1e200, 0, 0, 0, 1e200, 0}));  // an area that is not finite
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    for (std::size_t i = 0; i < 6; ++i) {
      Affine m = {10, 0, 1, 0, 10, 1};
      m[i] = bad;
      INFO(i);
      CHECK_FALSE(has_inverse(m));
      CHECK_THROWS_AS(inverse(m, "map"), InputError);
    }
  }
  CHECK_THROWS_WITH(inverse({}, "cell_to_px"),
                    Catch::Contains("cell_to_px") && Catch::Contains("without inverse"));
}

TEST_CASE("a grid resized keeps its rectangle, the same grid its transform") {
  const Affine m = {10, 0.5, 7, -0.25, 20, 3};
  CHECK(rescale_cells(m, {27, 27}, {27, 27}) == m);
  const Affine r = rescale_cells(m, {27, 30}, {14, 7});
  const auto at = [](const Affine& a, double c, double y) {
    return std::array<double, 2>{a[0] * c + a[1] * y + a[2], a[3] * c + a[4] * y + a[5]};
  };
  for (const auto& [c, y, c2, y2] : {std::array<double, 4>{-0.5, -0.5, -0.5, -0.5},
                                     {29.5, -0.5, 6.5, -0.5},
                                     {29.5, 26.5, 6.5, 13.5}}) {
    CHECK(at(m, c, y)[0] == Approx(at(r, c2, y2)[0]).epsilon(1e-14));
    CHECK(at(m, c, y)[1] == Approx(at(r, c2, y2)[1]).epsilon(1e-14));
  }
}

TEST_CASE("a copy of a picture keeps the place of its pixels' corners") {
  const Affine m = {10, 0, 4.5, 0, 8, 3.5};  // cells of 10x8 pixels
  CHECK(rescale_pixels(m, {40, 24}, {40, 24}) == m);
  const Point2 corner = apply(rescale_pixels(m, {40, 24}, {20, 12}), 3.5, 2.5);
  CHECK(corner.x == 19.5);
  CHECK(corner.y == 11.5);
  CHECK_THROWS_AS(rescale_pixels(m, {0, 24}, {20, 12}), InputError);
}

TEST_CASE("the cell that holds a place") {
  const Grid grid{3, 4};
  CHECK(grid.cell_at(0, 0) == 0);
  CHECK(grid.cell_at(-0.5, -0.5) == 0);
  CHECK(grid.cell_at(-0.51, 0) == -1);
  CHECK(grid.cell_at(3.49, 2.49) == 11);
  CHECK(grid.cell_at(3.5, 0) == -1);
  CHECK(grid.cell_at(0, 2.5) == -1);
  CHECK(grid.cell_at(std::nan(""), 0) == -1);
  CHECK(Grid{0, 4}.empty());
  CHECK(grid.cells() == 12);
}
