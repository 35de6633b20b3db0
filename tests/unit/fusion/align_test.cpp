// Cells of one stream over cells of another.
#include "fusion/align.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "media/view.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

Affine cells_of(View view, ImageSize frame, ImageSize out, Grid grid) {
  return cell_to_px(view, frame, out, {640, 480}, static_cast<int>(grid.columns),
                    static_cast<int>(grid.rows));
}

// 14x14 cells of a 27x27 grid over the whole frame.
Affine semantic_cells(ImageSize frame) {
  return rescale_cells(cells_of(View::kMllm, frame, {384, 384}, {27, 27}), {27, 27}, {14, 14});
}

// Those of SigLIP itself: its 27x27 patches of 14 pixels take 378 of 384.
Affine siglip_cells(ImageSize frame) {
  const Affine a = view_to_source(View::kMllm, frame, {384, 384}, {});
  const auto axis = [](double scale, double offset) {
    return std::array<double, 2>{14 * scale, 6.5 * scale + offset};
  };
  const auto x = axis(a[0], a[2]), y = axis(a[4], a[5]);
  return rescale_cells({x[0], 0, x[1], 0, y[0], y[1]}, {27, 27}, {14, 14});
}

double share(const Alignment& a) {
  return static_cast<double>(std::accumulate(a.covered.begin(), a.covered.end(), 0)) /
         static_cast<double>(a.covered.size());
}

// Rows of covered cells sum to 1, the others are 0, nothing is negative.
void check_rows(const Alignment& a, Grid target, Grid source) {
  const auto cells = static_cast<std::size_t>(target.cells());
  const auto others = static_cast<std::size_t>(source.cells());
  REQUIRE(a.covered.size() == cells);
  REQUIRE(a.weights.size() == cells * others);
  for (std::size_t c = 0; c < cells; ++c) {
    double sum = 0, least = 0;
    for (std::size_t k = 0; k < others; ++k) {
      sum += a.weights[c * others + k];
      least = std::min<double>(least, a.weights[c * others + k]);
    }
    CHECK(least == 0);
    // At most 4 * 24 float additions of parts of 1.
    if (a.covered[c] == 1)
      CHECK(std::abs(sum - 1) < 100 * std::numeric_limits<float>::epsilon());
    else
      CHECK(sum == 0);
  }
}

// What a covered cell reads from a source grid whose cells hold a + b u + c v at their centres.
double ramp_error(const Alignment& a, const Affine& target, Grid target_grid, const Affine& source,
                  Grid source_grid, int border, int& tested) {
  double worst = 0;
  tested = 0;
  for (int row = border; row < target_grid.rows - border; ++row) {
    for (int column = border; column < target_grid.columns - border; ++column) {
      const int cell = row * target_grid.columns + column;
      if (a.covered[static_cast<std::size_t>(cell)] == 0) continue;
      double got = 0;
      bool edge = false;  // a border cell of the source takes part: it is held, not continued
      for (int k = 0; k < source_grid.cells(); ++k) {
        const double w = a.weights[static_cast<std::size_t>(cell * source_grid.cells() + k)];
        const int r = k / source_grid.columns, c = k % source_grid.columns;
        const double u = source[0] * c + source[1] * r + source[2];
        const double v = source[3] * c + source[4] * r + source[5];
        got += w * (3 + 0.5 * u - 0.25 * v);
        edge = edge || (w > 0 && (r == 0 || c == 0 || r == source_grid.rows - 1 ||
                                  c == source_grid.columns - 1));
      }
      if (edge) continue;
      const double u = target[0] * column + target[1] * row + target[2];
      const double v = target[3] * column + target[4] * row + target[5];
      worst = std::max(worst, std::abs(got - (3 + 0.5 * u - 0.25 * v)));
      ++tested;
    }
  }
  return worst;
}

bool is_identity(const Alignment& a, std::size_t cells) {
  for (std::size_t i = 0; i < cells * cells; ++i)
    if (a.weights[i] != (i / cells == i % cells ? 1.0F : 0.0F)) return false;
  return true;
}

constexpr Grid kTokens{14, 14};

}  // namespace

TEST_CASE("grids that look at the same pixels: exactly the identity") {
  for (const ImageSize frame : {ImageSize{1296, 968}, {640, 480}, {96, 64}, {333, 777}}) {
    // 27x27 resized to 14x14, against 14 cells made directly over the same picture: equal but for
    // rounding, which must not leak into the weights.
    const Affine a = semantic_cells(frame);
    const Affine b = cells_of(View::kMllm, frame, {384, 384}, kTokens);
    const Affine c = cells_of(View::kStretch, frame, {832, 480}, kTokens);
    CHECK(is_identity(align(a, kTokens, a, kTokens), 196));
    CHECK(is_identity(align(c, kTokens, c, kTokens), 196));
    for (const auto& other : {b, c}) {
      const Alignment same = align(a, kTokens, other, kTokens);
      CHECK(is_identity(same, 196));
      CHECK(share(same) == 1);
      CHECK(same.area == Approx(1).epsilon(1e-12));
    }
  }
}

TEST_CASE("the released crops: 8 of 14 rows") {
  for (const ImageSize frame : {ImageSize{1296, 968}, {640, 480}, {96, 64}}) {
    const Affine target = semantic_cells(frame);
    for (const auto& [size, area] :
         {std::pair{ImageSize{832, 480}, 480.0 / 832}, std::pair{ImageSize{1280, 720}, 0.5625}}) {
      const Affine source = cells_of(View::kMllm, frame, size, kTokens);
      const Alignment a = align(target, kTokens, source, kTokens);
      check_rows(a, kTokens, kTokens);
      CHECK(share(a) == 8.0 / 14);  // 57.1 %
      CHECK(a.area == Approx(area).epsilon(1e-12));
      for (std::size_t c = 0; c < 196; ++c) CHECK(a.covered[c] == (c / 14 >= 3 && c / 14 < 11));
    }
    const Affine whole = cells_of(View::kStretch, frame, {832, 480}, kTokens);
    const Alignment stretch = align(target, kTokens, whole, kTokens);
    CHECK(share(stretch) == 1);
    CHECK(stretch.area > 0.9999);
  }
}

TEST_CASE("the released crops under SigLIP's true cells: 8 of 14 rows, and all of a whole frame") {
  for (const ImageSize frame : {ImageSize{1296, 968}, {640, 480}}) {
    const Affine target = siglip_cells(frame);
    for (const auto& [size, area] :
         {std::pair{ImageSize{832, 480}, 480.0 / 832}, std::pair{ImageSize{1280, 720}, 0.5625}}) {
      const Alignment a =
          align(target, kTokens, cells_of(View::kMllm, frame, size, kTokens), kTokens);
      check_rows(a, kTokens, kTokens);
      CHECK(share(a) == 8.0 / 14);
      CHECK(a.area == Approx(area * 384 / 378).epsilon(1e-12));  // of the 378 rows that are seen
    }
    const Alignment whole =
        align(target, kTokens, cells_of(View::kStretch, frame, {832, 480}, kTokens), kTokens);
    CHECK(share(whole) == 1);
    CHECK(whole.area == Approx(1).epsilon(1e-12));
    check_rows(whole, kTokens, kTokens);
  }
}

TEST_CASE("a ramp over pixels is the ramp at the centres of the cells") {
  const ImageSize frame{640, 480};
  const Affine target = semantic_cells(frame);
  for (const Grid grid : {Grid{14, 14}, {30, 52}, {45, 80}, {7, 9}, {60, 13}}) {
    for (const View view : {View::kMllm, View::kStretch, View::kNative}) {
      const Affine source = cells_of(view, frame, {832, 480}, grid);
      const Alignment a = align(target, kTokens, source, grid);
      check_rows(a, kTokens, grid);
      int tested = 0;
      const double error = ramp_error(a, target, kTokens, source, grid, 0, tested);
      INFO(grid.rows << "x" << grid.columns << " " << name_of(view));
      CHECK(tested >= 14);
      // Weights are float: 3 + 0.5 u - 0.25 v reaches 440, each weight is within 2^-24 of itself,
      // summed over at most 100.
      CHECK(error < 440 * 100 * std::ldexp(1.0, -24));
    }
  }
}

TEST_CASE("the mean of a cell covers all its source cells evenly") {
  // 30 cells over the extent of 10: three each; 31 over 10: all take part.
  const Affine target = {30, 0, 14.5, 0, 30, 14.5};
  const Alignment three = align(target, {10, 10}, {10, 0, 4.5, 0, 10, 4.5}, {30, 30});
  check_rows(three, {10, 10}, {30, 30});
  for (int k = 0; k < 900; ++k) {
    const bool own = k / 30 / 3 == 4 && k % 30 / 3 == 7;
    CHECK(three.weights[47 * 900 + static_cast<std::size_t>(k)] ==
          Approx(own ? 1.0 / 9 : 0).margin(1e-6));
  }
  const double w = 300.0 / 31;
  const Alignment odd = align(target, {10, 10}, {w, 0, w / 2 - 0.5, 0, w, w / 2 - 0.5}, {31, 31});
  check_rows(odd, {10, 10}, {31, 31});
  std::vector<double> sum(31 * 31, 0);
  for (std::size_t i = 0; i < odd.weights.size(); ++i) sum[i % sum.size()] += odd.weights[i];
  for (const double s : sum) CHECK(s > 0.05);  // 100 / 961 = 0.104 on the mean
}

TEST_CASE("cells of half a view, and views beside each other") {
  const Affine target = {10, 0, 4.5, 0, 10, 4.5};
  // The source ends at pixel 45 - 0.5 right: the centre of column 4 is at 44.5, just inside.
  const Affine source = {15, 0, 7, 0, 40, 19.5};
  const Alignment a = align(target, {14, 14}, source, {1, 3});
  check_rows(a, {14, 14}, {1, 3});
  for (std::size_t c = 0; c < 196; ++c) CHECK(a.covered[c] == (c % 14 <= 4 && c / 14 < 4));
  CHECK(a.area == Approx(45.0 * 40 / (140 * 140)));
  CHECK(a.weights[4 * 3 + 2] == 1);  // the border cell counts to the border
  CHECK(a.weights[0 * 3 + 0] == 1);
  CHECK(a.weights[1 * 3 + 0] == Approx(1 - 7.5 / 15));  // 14.5 is midway between 7 and 22

  // Half covered below the centre: what lies beyond takes no part in the mean.
  const Affine fine = {1, 0, 0, 0, 1, 0};
  const Alignment half = align(target, {14, 14}, fine, {1, 47});
  CHECK(half.covered[4] == 0);  // row centres at 4.5, the source is one pixel high
  const Alignment part = align({10, 0, 4.5, 0, 1, 0}, {1, 14}, fine, {1, 47});
  check_rows(part, {1, 14}, {1, 47});
  CHECK(part.covered[4] == 1);
  CHECK(part.covered[5] == 0);
  for (std::size_t k = 0; k < 47; ++k)  // pixels 40 to 46 of 40 to 49
    CHECK(part.weights[4 * 47 + k] == Approx(k >= 40 ? 1.0 / 7 : 0).margin(1e-6));

  const Alignment apart = align(target, {14, 14}, {10, 0, 1000, 0, 10, 0}, {14, 14});
  CHECK(share(apart) == 0);
  CHECK(apart.area == 0);
  check_rows(apart, {14, 14}, {14, 14});
}

TEST_CASE("one cell sees everything alike") {
  const Affine target = semantic_cells({640, 480});
  const Affine source = cells_of(View::kMllm, {640, 480}, {832, 480}, {1, 1});
  const Alignment a = align(target, kTokens, source, {1, 1});
  CHECK(share(a) == 8.0 / 14);
  for (std::size_t c = 0; c < 196; ++c) CHECK(a.weights[c] == (a.covered[c] ? 1.0F : 0.0F));
  const Alignment one = align(source, {1, 1}, target, kTokens);
  check_rows(one, {1, 1}, kTokens);
  CHECK(one.area == Approx(1));
}

TEST_CASE("alignments that make no sense") {
  const Affine m = {10, 0, 0, 0, 10, 0};
  CHECK_THROWS_AS(align(m, {0, 14}, m, kTokens), InputError);
  CHECK_THROWS_AS(align(m, kTokens, m, {14, 0}), InputError);
  CHECK_THROWS_WITH(align(m, kTokens, {1, 1, 0, 1, 1, 0}, kTokens), Contains("without inverse"));
  CHECK_THROWS_AS(align(m, kTokens, {0, 0, 0, 0, 0, 0}, kTokens), InputError);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < 6; ++i) {
    Affine bad = m;
    bad[i] = nan;
    CHECK_THROWS_AS(align(bad, kTokens, m, kTokens), InputError);
    CHECK_THROWS_AS(align(m, kTokens, bad, kTokens), InputError);
    bad[i] = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(align(m, kTokens, bad, kTokens), InputError);
  }
}
