// What cells show: exact scenes whose answer is known, and a slow implementation of the definition.
#include "probe/targets.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>

#include "base/error.h"
#include "probe/plane.h"

using namespace vega;

namespace {

constexpr Pose kIdentity{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};

// A camera that looks along the world's y axis, 1.2 m above its origin: world = (x, z, 1.2 - y).
constexpr Pose kLevel{1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 1.2, 0, 0, 0, 1};

Intrinsics camera(int width, int height, double focal) {
  return {focal, 0, (width - 1) / 2.0, 0, focal, (height - 1) / 2.0, 0, 0, 1};
}

// cell_to_px of a grid over a whole picture.
Affine whole(ImageSize color, Grid grid) {
  const double w = double(color.width) / grid.columns, h = double(color.height) / grid.rows;
  return {w, 0, w / 2 - 0.5, 0, h, h / 2 - 0.5};
}

// The depth map of n . p = d in the camera frame, mm.
ImageU16 plane_depth(ImageSize size, const Intrinsics& K, const std::array<double, 3>& n,
                     double d) {
  ImageU16 out(size.width, size.height);
  for (int v = 0; v < size.height; ++v)
    for (int u = 0; u < size.width; ++u) {
      const double x = (u - K[2]) / K[0], y = (v - K[5]) / K[4];
      out.v[std::size_t(v) * size.width + u] =
          static_cast<std::uint16_t>(std::lround(1000 * d / (n[0] * x + n[1] * y + n[2])));
    }
  return out;
}

// The definition in plain loops: all cells look at all pixels. Every pixel is read.
struct SlowCell {
  int pixels = 0;
  std::vector<std::array<double, 3>> camera, world;
};

std::vector<SlowCell> slow_cells(const ImageU16& depth, const Intrinsics& K, const Pose& P,
                                 const Affine& m, ImageSize color, Grid grid) {
  std::vector<SlowCell> out(std::size_t(grid.cells()));
  for (int v = 0; v < depth.height; ++v) {
    for (int u = 0; u < depth.width; ++u) {
      const double px = (u + 0.5) * color.width / depth.width - 0.5;
      const double py = (v + 0.5) * color.height / depth.height - 0.5;
      for (std::int64_t c = 0; c < grid.cells(); ++c) {  // maps here have no shear
        const double column = (px - m[2]) / m[0], row = (py - m[5]) / m[4];
        if (std::floor(column + 0.5) != double(c % grid.columns) ||
            std::floor(row + 0.5) != double(c / grid.columns))
          continue;
        ++out[std::size_t(c)].pixels;
        const double z = depth.v[std::size_t(v) * depth.width + u] / 1000.0;
        if (z == 0) continue;
        const std::array<double, 3> p{(u - K[2]) * z / K[0], (v - K[5]) * z / K[4], z};
        std::array<double, 3> w{};
        for (std::size_t k = 0; k < 3; ++k)
          w[k] = P[4 * k] * p[0] + P[4 * k + 1] * p[1] + P[4 * k + 2] * p[2] + P[4 * k + 3];
        out[std::size_t(c)].camera.push_back(p);
        out[std::size_t(c)].world.push_back(w);
      }
    }
  }
  return out;
}

// The direction in which points differ least: the best of many directions, ever finer.
std::array<double, 3> slow_normal(const std::vector<std::array<double, 3>>& points) {
  std::array<double, 3> mean{};
  for (const auto& p : points)
    for (std::size_t k = 0; k < 3; ++k) mean[k] += p[k] / double(points.size());
  const auto spread = [&](double a, double b) {
    const std::array<double, 3> n{std::sin(a) * std::cos(b), std::sin(a) * std::sin(b),
                                  std::cos(a)};
    double sum = 0;
    for (const auto& p : points) {
      double at = 0;
      for (std::size_t k = 0; k < 3; ++k) at += n[k] * (p[k] - mean[k]);
      sum += at * at;
    }
    return sum;
  };
  double best_a = 0, best_b = 0, best = spread(0, 0);
  for (int i = 0; i <= 30; ++i)
    for (int j = 0; j < 60; ++j)
      if (const double s = spread(i * M_PI / 60, j * M_PI / 30); s < best)
        best = s, best_a = i * M_PI / 60, best_b = j * M_PI / 30;
  for (double step = 0.05; step > 1e-7;) {
    bool better = false;
    for (const auto& [da, db] : {std::pair{step, 0.0}, {-step, 0.0}, {0.0, step}, {0.0, -step}})
      if (const double s = spread(best_a + da, best_b + db); s < best)
        best = s, best_a += da, best_b += db, better = true;
    if (!better) step /= 2;
  }
  std::array<double, 3> n{std::sin(best_a) * std::cos(best_b), std::sin(best_a) * std::sin(best_b),
                          std::cos(best_a)};
  if (n[0] * mean[0] + n[1] * mean[1] + n[2] * mean[2] > 0)
    for (double& value : n) value = -value;
  return n;
}

std::int32_t slow_label(const SlowCell& cell, const std::vector<LabelledBox>& boxes,
                        const CellRule& rule) {
  std::map<std::int32_t, int> count;
  for (const auto& p : cell.world) {
    double smallest = 1e300;
    std::int32_t name = -1;
    for (const LabelledBox& one : boxes) {
      bool inside = true;
      for (std::size_t k = 0; k < 3; ++k)
        inside &= std::abs(p[k] - one.box[k]) <= one.box[3 + k] / 2 + rule.margin_m;
      const double volume = double(one.box[3]) * one.box[4] * one.box[5];
      if (inside && volume < smallest) smallest = volume, name = one.name;
    }
    if (name >= 0) ++count[name];
  }
  std::int32_t best = -1;
  for (const auto& [name, n] : count)
    if (best < 0 || n > count[best]) best = name;
  return best >= 0 && count[best] >= rule.least_share * double(cell.world.size()) ? best : -1;
}

}  // namespace

TEST_CASE("a plane is found through its points", "[plane]") {
  const std::array<double, 3> n{0.6, 0, 0.8};
  PointSums points;
  std::mt19937 random(3);
  std::uniform_real_distribution<double> unit(-1, 1);
  for (int i = 0; i < 200; ++i) {
    const double a = unit(random), b = unit(random);  // along (0.8, 0, -0.6) and y
    points.add(0.8 * a + 3 * n[0], b, -0.6 * a + 3 * n[2]);
  }
  const FittedPlane plane = fit_plane(points);
  CHECK(std::abs(plane.normal[0] * n[0] + plane.normal[2] * n[2]) == Approx(1).margin(1e-12));
  CHECK(plane.thickness < 1e-6);
}

TEST_CASE("two walls that meet are thick, a line is no plane", "[plane]") {
  PointSums corner, line;
  for (int i = 0; i <= 100; ++i)
    for (int j = 0; j <= 100; ++j) {
      const double t = i / 50.0 - 1;  // |z| = |x|: a right angle in the middle
      corner.add(t, j / 50.0 - 1, std::abs(t));
    }
  for (int i = 0; i < 50; ++i) line.add(i, 2 * i, -i);
  CHECK(fit_plane(corner).thickness == Approx(0.5).margin(0.02));
  CHECK(fit_plane(line).normal == std::array<double, 3>{0, 0, 0});
  CHECK(fit_plane({}).thickness == 1);
}

TEST_CASE("a wall that stands askew", "[targets]") {
  const ImageSize size{128, 96};
  const Intrinsics K = camera(128, 96, 110);
  const std::array<double, 3> n{0.48, 0.6, 0.64};  // away from the camera
  const ImageU16 depth = plane_depth(size, K, n, 2.5);
  const Grid grid{6, 8};
  const CellTargets found = cell_targets(depth, K, kLevel, whole(size, grid), size, grid, {});
  REQUIRE(found.depth_m.size() == 48);
  for (std::size_t c = 0; c < 48; ++c) {
    INFO("cell " << c);
    // Depth is in whole millimetres: 0.3 mm of noise over points 0.3 m apart.
    for (std::size_t k = 0; k < 3; ++k)
      CHECK(found.normal[3 * c + k] == Approx(-n[k]).margin(2e-3));
    CHECK(found.label[c] == -1);
  }
  // Cell (2, 3) holds columns 48 to 63 and rows 32 to 47.
  double sum = 0;
  for (int v = 32; v < 48; ++v)
    for (int u = 48; u < 64; ++u) sum += depth.v[std::size_t(v) * 128 + u];
  CHECK(found.depth_m[2 * 8 + 3] == Approx(sum / 256 / 1000).epsilon(1e-6));
}

TEST_CASE("the targets are those of the slow definition", "[targets]") {
  const ImageSize color{96, 80};
  const Intrinsics K = camera(64, 48, 32);
  std::mt19937 random(11);
  std::uniform_real_distribution<double> unit(0, 1);
  // Two walls, a floor and a box before them, 10 % holes and a hole of its own.
  ImageU16 depth(64, 48);
  for (int v = 0; v < 48; ++v)
    for (int u = 0; u < 64; ++u) {
      const double x = (u - K[2]) / K[0], y = (v - K[5]) / K[4];
      double z = std::min(3.0, 2.2 / (0.6 * std::abs(x) + 0.8));
      if (y > 0.02) z = std::min(z, 1.2 / y);
      if (u > 23 && u < 37 && v > 19 && v < 35) z = 1.5 + 0.2 * x;
      const bool hole = unit(random) < 0.1 || (u < 12 && v < 14);
      depth.v[std::size_t(v) * 64 + u] = hole ? 0 : static_cast<std::uint16_t>(1000 * z);
    }
  const std::vector<LabelledBox> boxes = smallest_first({{{0, 2, 0, 6, 6, 0.02F}, 0},
                                                         {{0, 2, 1.3F, 6, 6, 2.6F}, 1},
                                                         {{0, 1.5F, 0.9F, 0.8F, 0.4F, 0.9F}, 2},
                                                         {{-0.1F, 1.5F, 1, 0.3F, 0.3F, 0.4F}, 3}});
  const Grid grid{6, 7};
  const Affine m{12, 0, 8, 0, 13, 4};  // cells that leave an edge of the picture out
  const CellRule rule;
  const CellTargets found = cell_targets(depth, K, kLevel, m, color, grid, boxes, rule);
  const auto slow = slow_cells(depth, K, kLevel, m, color, grid);
  int used = 0, flat = 0, thick = 0;
  std::map<std::int32_t, int> labels;
  for (std::size_t c = 0; c < slow.size(); ++c) {
    INFO("cell " << c);
    const SlowCell& cell = slow[c];
    const double n = double(cell.camera.size());
    if (n == 0 || n < rule.least_depth * cell.pixels) {
      CHECK(std::isnan(found.depth_m[c]));
      CHECK(std::isnan(found.z_m[c]));
      CHECK(found.label[c] == -1);
      continue;
    }
    ++used;
    double z = 0, height = 0;
    for (const auto& p : cell.camera) z += p[2] / n;
    for (const auto& p : cell.world) height += p[2] / n;
    CHECK(found.depth_m[c] == Approx(z).epsilon(1e-6));
    CHECK(found.z_m[c] == Approx(height).margin(2e-6));
    CHECK(found.label[c] == slow_label(cell, boxes, rule));
    ++labels[found.label[c]];
    const float* normal = found.normal.data() + 3 * c;
    if (normal[0] == 0 && normal[1] == 0 && normal[2] == 0) {
      ++thick;
      continue;
    }
    ++flat;
    const auto expected = slow_normal(cell.camera);
    for (std::size_t k = 0; k < 3; ++k) CHECK(normal[k] == Approx(expected[k]).margin(1e-4));
  }
  CHECK(used < 42);  // the hole
  CHECK(used > 30);
  CHECK(flat > 10);
  CHECK(thick > 3);
  CHECK(labels.size() >= 4);
}

TEST_CASE("a large depth map is read in steps", "[targets]") {
  // 640x480 and 10x10 cells: 64x48 pixels a cell, every third row and column.
  const ImageSize size{640, 480};
  const Intrinsics K = camera(640, 480, 500);
  const ImageU16 depth = plane_depth(size, K, {0, 0.6, 0.8}, 2);
  const Grid grid{10, 10};
  CellRule every;
  every.pixels = 1 << 20;
  const Affine m = whole(size, grid);
  const CellTargets some = cell_targets(depth, K, kLevel, m, size, grid, {});
  const CellTargets all = cell_targets(depth, K, kLevel, m, size, grid, {}, every);
  CHECK(some.depth_m != all.depth_m);  // other pixels
  for (std::size_t c = 0; c < 100; ++c) {
    CHECK(some.depth_m[c] == Approx(all.depth_m[c]).epsilon(2e-3));
    for (std::size_t k = 0; k < 3; ++k)
      CHECK(some.normal[3 * c + k] == Approx(all.normal[3 * c + k]).margin(2e-3));
  }
}

TEST_CASE("where the floor is", "[targets]") {
  std::vector<float> z;
  std::vector<std::int32_t> label;
  for (int i = 0; i < 400; ++i) z.push_back(0.01F * float(i) - 1), label.push_back(i < 21 ? 4 : 0);
  z[3] = std::numeric_limits<float>::quiet_NaN();
  const FloorLevel annotated = floor_level(z, label, 4);
  CHECK(annotated.annotated);
  CHECK(annotated.z_m == Approx(-0.895).margin(1e-5));  // of -1 to -0.8 without -0.97
  const FloorLevel lowest = floor_level(z, label, 7);
  CHECK_FALSE(lowest.annotated);
  CHECK(lowest.z_m == Approx(-0.95).margin(0.011));
  CHECK_FALSE(floor_level(z, label, -1).annotated);
  const std::vector<float> none(5, std::numeric_limits<float>::quiet_NaN());
  const std::vector<std::int32_t> unlabelled(5, -1);
  CHECK_THROWS_AS(floor_level(none, unlabelled, -1), InputError);
}

TEST_CASE("targets refuse what has no cells", "[targets]") {
  const ImageU16 depth(8, 8);
  const Intrinsics K = camera(8, 8, 8);
  CHECK_THROWS_AS(cell_targets(depth, K, kIdentity, {1, 0, 0, 0, 1, 0}, {8, 8}, {0, 3}, {}),
                  InputError);
  CHECK_THROWS_AS(cell_targets(depth, K, kIdentity, {1, 0, 0, 0, 1, 0}, {0, 0}, {2, 2}, {}),
                  InputError);
  CHECK_THROWS_AS(cell_targets(depth, K, kIdentity, {0, 0, 0, 0, 1, 0}, {8, 8}, {2, 2}, {}),
                  InputError);
  const CellTargets empty =
      cell_targets(depth, K, kIdentity, {4, 0, 1.5, 0, 4, 1.5}, {8, 8}, {2, 2}, {});
  for (const float value : empty.depth_m) CHECK(std::isnan(value));
}
