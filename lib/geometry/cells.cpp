#include "geometry/cells.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "media/resize.h"

namespace vega {
namespace {

void check_grid(int grid_w, int grid_h) {
  if (grid_w > 0 && grid_h > 0) return;
  throw InputError(
      explain("cells", std::to_string(grid_w) + "x" + std::to_string(grid_h), "a grid with cells"));
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
class Cells {
 public:
  Cells(int grid_w, int grid_h, ZeroDepth zero)
      : grid_w_(grid_w), grid_h_(grid_h), zero_(zero), sums_(std::size_t(grid_w) * grid_h) {}

  void add(int column, int row, const float* xyz, bool has_depth) {
    Sum& sum = sums_[static_cast<std::size_t>(row) * grid_w_ + column];
    ++sum.pixels;
    sum.valid += has_depth ? 1 : 0;
    if (!has_depth && zero_ == ZeroDepth::kMask) return;
    ++sum.points;
    for (int k = 0; k < 3; ++k) sum.xyz[k] += xyz[k];
  }

  CellPoints points() const {
    CellPoints out{grid_h_, grid_w_, {}, {}};
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
  int grid_w_, grid_h_;
  ZeroDepth zero_;
  std::vector<Sum> sums_;
};

struct Inverse {
  double a, b, c, d, u, v;  // column = a (x - u) + b (y - v), row = c (x - u) + d (y - v)
};

Inverse invert(const std::array<double, 6>& m) {
  const double det = m[0] * m[4] - m[1] * m[3];
  if (!std::isfinite(det) || std::abs(det) < 1e-12 || !std::isfinite(m[2] + m[5]))
    throw InputError(explain("cell_to_px", "a transform without inverse",
                             "cells that cover pixels of the frame"));
  return {m[4] / det, -m[1] / det, -m[3] / det, m[0] / det, m[2], m[5]};
}

}  // namespace

CellPoints crop_cells(const ImageU16& depth, const Intrinsics& K, const Pose& P, ImageSize out,
                      int grid_w, int grid_h, ZeroDepth zero) {
  check_grid(grid_w, grid_h);
  const CoverPlan plan = plan_cover(depth.size(), out);
  const PixelGrid grid{torch_nearest(depth.width, plan.resized.width, plan.left, out.width),
                       torch_nearest(depth.height, plan.resized.height, plan.top, out.height)};
  const PointMap map = unproject(depth, K, P, grid);
  Cells cells(grid_w, grid_h, zero);
  const auto begin = [](int i, int n, int g) { return i * n / g; };
  const auto end = [](int i, int n, int g) { return ((i + 1) * n + g - 1) / g; };
  for (int row = 0; row < grid_h; ++row) {
    for (int column = 0; column < grid_w; ++column) {
      for (int y = begin(row, out.height, grid_h); y < end(row, out.height, grid_h); ++y) {
        for (int x = begin(column, out.width, grid_w); x < end(column, out.width, grid_w); ++x) {
          const std::size_t at = static_cast<std::size_t>(y) * map.width + x;
          cells.add(column, row, map.xyz.data() + 3 * at, map.valid[at] != 0);
        }
      }
    }
  }
  return cells.points();
}

CellPoints cell_points(const ImageU16& depth, const Intrinsics& K, const Pose& P,
                       const std::array<double, 6>& cell_to_px, ImageSize color, int grid_w,
                       int grid_h, ZeroDepth zero) {
  check_grid(grid_w, grid_h);
  if (color.width < 1 || color.height < 1)
    throw InputError(explain("cells", "a colour frame of " + to_string(color), "its size"));
  const Inverse to_cell = invert(cell_to_px);
  const PointMap map = unproject(depth, K, P, every_pixel(depth.size()));
  Cells cells(grid_w, grid_h, zero);
  for (int y = 0; y < map.height; ++y) {
    const double v = (y + 0.5) * color.height / depth.height - 0.5 - to_cell.v;
    for (int x = 0; x < map.width; ++x) {
      const double u = (x + 0.5) * color.width / depth.width - 0.5 - to_cell.u;
      const double column = std::floor(to_cell.a * u + to_cell.b * v + 0.5);
      const double row = std::floor(to_cell.c * u + to_cell.d * v + 0.5);
      if (!(column >= 0 && column < grid_w && row >= 0 && row < grid_h)) continue;
      const std::size_t at = static_cast<std::size_t>(y) * map.width + x;
      cells.add(static_cast<int>(column), static_cast<int>(row), map.xyz.data() + 3 * at,
                map.valid[at] != 0);
    }
  }
  return cells.points();
}

}  // namespace vega
