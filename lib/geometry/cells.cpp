#include "geometry/cells.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "geometry/cover.h"

namespace vega {
namespace {

void check_grid(Grid grid) {
  if (grid.empty())
    throw InputError(explain("cells",
                             std::to_string(grid.columns) + "x" + std::to_string(grid.rows),
                             "a grid with cells"));
}

// torch's "nearest": the ratio is rounded to float32 first.
std::vector<int> torch_nearest(int src, int dst, int first, int count) {
  const float ratio = static_cast<float>(src) / static_cast<float>(dst);
  std::vector<int> out;
  for (int i = first; i < first + count; ++i) {
    const int at = static_cast<int>(std::floor(static_cast<float>(i) * ratio));
    out.push_back(std::min(at, src - 1));
  }
  return out;
}

// Sums of the points of each cell.
class CellSums {
 public:
  CellSums(const PointMap& map, Grid grid, ZeroDepth zero)
      : map_(map), zero_(zero), sums_(static_cast<std::size_t>(grid.cells())) {}

  // Pixel (x, y) of the map lies in `cell`.
  void add(std::size_t cell, int x, int y) {
    const std::size_t pixel = static_cast<std::size_t>(y) * map_.width + x;
    const bool has_depth = map_.valid[pixel] != 0;
    Sum& sum = sums_[cell];
    ++sum.pixels;
    sum.valid += has_depth ? 1 : 0;
    if (!has_depth && zero_ == ZeroDepth::kMask) return;
    ++sum.points;
    for (std::size_t k = 0; k < 3; ++k) sum.xyz[k] += map_.xyz[3 * pixel + k];
  }

  CellPoints points() const {
    CellPoints out;
    for (const Sum& sum : sums_) {
      for (const double s : sum.xyz)
        out.xyz.push_back(sum.points > 0 ? static_cast<float>(s / sum.points)
                                         : std::numeric_limits<float>::quiet_NaN());
      out.valid.push_back(
          sum.pixels > 0 ? static_cast<float>(static_cast<double>(sum.valid) / sum.pixels) : 0);
    }
    return out;
  }

 private:
  struct Sum {
    std::array<double, 3> xyz = {};
    std::int64_t pixels = 0, points = 0, valid = 0;
  };
  const PointMap& map_;
  ZeroDepth zero_;
  std::vector<Sum> sums_;
};

}  // namespace

CellPoints crop_cells(const ImageU16& depth, const Intrinsics& K, const Pose& P, ImageSize out,
                      Grid grid, ZeroDepth zero) {
  check_grid(grid);
  const CoverPlan plan = plan_cover(depth.size(), out);
  const PointMap map =
      unproject(depth, K, P,
                {torch_nearest(depth.width, plan.resized.width, plan.left, out.width),
                 torch_nearest(depth.height, plan.resized.height, plan.top, out.height)});
  CellSums cells(map, grid, zero);
  const auto begin = [](std::int64_t i, int n, std::int64_t g) {
    return static_cast<int>(i * n / g);
  };
  const auto end = [](std::int64_t i, int n, std::int64_t g) {
    return static_cast<int>(((i + 1) * n + g - 1) / g);
  };
  for (std::int64_t cell = 0; cell < grid.cells(); ++cell) {
    const std::int64_t row = cell / grid.columns, column = cell % grid.columns;
    for (int y = begin(row, out.height, grid.rows); y < end(row, out.height, grid.rows); ++y)
      for (int x = begin(column, out.width, grid.columns); x < end(column, out.width, grid.columns);
           ++x)
        cells.add(static_cast<std::size_t>(cell), x, y);
  }
  return cells.points();
}

CellPoints cell_points(const ImageU16& depth, const Intrinsics& K, const Pose& P,
                       const Affine& cell_to_px, ImageSize color, Grid grid, ZeroDepth zero) {
  check_grid(grid);
  if (color.empty())
    throw InputError(explain("cells", "a colour frame of " + to_string(color), "its size"));
  const Affine px_to_cell = inverse(cell_to_px, "cell_to_px");
  const PointMap map = unproject(depth, K, P, every_pixel(depth.size()));
  CellSums cells(map, grid, zero);
  for (int y = 0; y < map.height; ++y) {
    const double v = (y + 0.5) * color.height / depth.height - 0.5;
    for (int x = 0; x < map.width; ++x) {
      const double u = (x + 0.5) * color.width / depth.width - 0.5;
      const Point2 at = apply(px_to_cell, u, v);
      const auto cell = grid.cell_at(at.x, at.y);
      if (cell >= 0) cells.add(static_cast<std::size_t>(cell), x, y);
    }
  }
  return cells.points();
}

}  // namespace vega
