#include "fuse/align.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace vega::fuse {
namespace {

struct Point {
  double column, row;
};

Point apply(const Affine6& m, double column, double row) {
  return {m[0] * column + m[1] * row + m[2], m[3] * column + m[4] * row + m[5]};
}

// b after a: cells of a to cells of b, by way of pixels.
Affine6 between(const Affine6& a, const Affine6& b) {
  const double det = b[0] * b[4] - b[1] * b[3];
  bool finite = std::isfinite(det) && std::abs(det) > 1e-12;
  for (const Affine6* m : {&a, &b})
    finite = finite && std::all_of(m->begin(), m->end(), [](double v) { return std::isfinite(v); });
  if (!finite)
    throw InputError(explain("cell_to_px", "a transform without inverse",
                             "cells that cover pixels of the frame"));
  const auto inverse = [&](double x, double y) {
    return Point{(b[4] * x - b[1] * y) / det, (b[0] * y - b[3] * x) / det};
  };
  const Point column = inverse(a[0], a[3]), row = inverse(a[1], a[4]);
  const Point origin = inverse(a[2] - b[2], a[5] - b[5]);
  return {column.column, row.column, origin.column, column.row, row.row, origin.row};
}

constexpr double kGrace = 1e-9;  // cells: transforms are products of a few roundings

// A source place in -0.5 .. n - 0.5.
bool inside(double place, int n) { return place >= -0.5 - kGrace && place <= n - 0.5 + kGrace; }

// Cells that look at the same pixels get the value itself, not a trace of a neighbour.
double snapped(double place) {
  const double whole = std::round(place);
  return std::abs(place - whole) < kGrace ? whole : place;
}

double overlap(double a, double b, int n) {
  const double low = std::clamp(std::min(a, b), -0.5, n - 0.5);
  const double high = std::clamp(std::max(a, b), -0.5, n - 0.5);
  return high - low;
}

// Adds one bilinear sample; border cells reach half a cell out.
void add_sample(float* weights, Point at, Grid grid, double weight) {
  const double x = snapped(std::clamp(at.column, 0.0, grid.columns - 1.0));
  const double y = snapped(std::clamp(at.row, 0.0, grid.rows - 1.0));
  const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
  const int x1 = std::min(x0 + 1, grid.columns - 1), y1 = std::min(y0 + 1, grid.rows - 1);
  const double fx = x - x0, fy = y - y0;
  const auto add = [&](int row, int column, double part) {
    weights[row * grid.columns + column] += static_cast<float>(part * weight);
  };
  add(y0, x0, (1 - fy) * (1 - fx));
  add(y0, x1, (1 - fy) * fx);
  add(y1, x0, fy * (1 - fx));
  add(y1, x1, fy * fx);
}

}  // namespace

Affine6 resized_cells(const Affine6& m, Grid from, Grid to) {
  const double sx = static_cast<double>(from.columns) / to.columns;
  const double sy = static_cast<double>(from.rows) / to.rows;
  const double ox = 0.5 * sx - 0.5, oy = 0.5 * sy - 0.5;
  return {m[0] * sx, m[1] * sy, m[0] * ox + m[1] * oy + m[2],
          m[3] * sx, m[4] * sy, m[3] * ox + m[4] * oy + m[5]};
}

Alignment align(const Affine6& target, Grid target_grid, const Affine6& source, Grid source_grid) {
  if (target_grid.rows < 1 || target_grid.columns < 1 || source_grid.rows < 1 ||
      source_grid.columns < 1)
    throw InputError(explain("alignment", "a grid without cells"));
  const Affine6 m = between(target, source);
  Alignment out;
  const auto cells = static_cast<std::size_t>(target_grid.cells());
  const auto others = static_cast<std::size_t>(source_grid.cells());
  out.covered.assign(cells, 0);
  out.weights.assign(cells * others, 0);
  // One sample for each source cell that a target cell spans.
  const int nx = std::max(1, static_cast<int>(std::lround(std::hypot(m[0], m[3]))));
  const int ny = std::max(1, static_cast<int>(std::lround(std::hypot(m[1], m[4]))));
  for (int row = 0; row < target_grid.rows; ++row) {
    for (int column = 0; column < target_grid.columns; ++column) {
      const auto cell = static_cast<std::size_t>(row * target_grid.columns + column);
      const Point centre = apply(m, column, row);
      if (!inside(centre.column, source_grid.columns) || !inside(centre.row, source_grid.rows))
        continue;
      out.covered[cell] = 1;
      std::vector<Point> samples;
      for (int i = 0; i < ny; ++i) {
        for (int j = 0; j < nx; ++j) {
          const Point at = apply(m, column + (j + 0.5) / nx - 0.5, row + (i + 0.5) / ny - 0.5);
          if (inside(at.column, source_grid.columns) && inside(at.row, source_grid.rows))
            samples.push_back(at);
        }
      }
      if (samples.empty()) samples.push_back(centre);
      for (const Point& at : samples)
        add_sample(out.weights.data() + cell * others, at, source_grid,
                   1.0 / static_cast<double>(samples.size()));
    }
  }
  const Point first = apply(m, -0.5, -0.5);
  const Point last = apply(m, target_grid.columns - 0.5, target_grid.rows - 0.5);
  const double whole = std::abs((last.column - first.column) * (last.row - first.row));
  out.area = whole > 0 ? overlap(first.column, last.column, source_grid.columns) *
                             overlap(first.row, last.row, source_grid.rows) / whole
                       : 0;
  return out;
}

}  // namespace vega::fuse
