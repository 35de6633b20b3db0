#include "fusion/align.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace vega {
namespace {

constexpr double kGrace = 1e-9;  // cells: transforms are products of a few roundings

// A source place in -0.5 .. n - 0.5.
bool is_inside(double place, std::int64_t n) {
  return place >= -0.5 - kGrace && place <= static_cast<double>(n) - 0.5 + kGrace;
}
bool is_inside(Point2 at, Grid grid) {
  return is_inside(at.x, grid.columns) && is_inside(at.y, grid.rows);
}

// Cells that look at the same pixels get the value itself, not a trace of a neighbour.
double snapped(double place) {
  const double whole = std::round(place);
  return std::abs(place - whole) < kGrace ? whole : place;
}

double overlap(double a, double b, std::int64_t n) {
  const double end = static_cast<double>(n) - 0.5;
  const double low = std::clamp(std::min(a, b), -0.5, end);
  const double high = std::clamp(std::max(a, b), -0.5, end);
  return high - low;
}

// Adds one bilinear sample; border cells reach half a cell out.
void add_sample(float* weights, Point2 at, Grid grid, double weight) {
  const double x = snapped(std::clamp(at.x, 0.0, static_cast<double>(grid.columns - 1)));
  const double y = snapped(std::clamp(at.y, 0.0, static_cast<double>(grid.rows - 1)));
  const auto x0 = static_cast<std::int64_t>(x), y0 = static_cast<std::int64_t>(y);
  const std::int64_t x1 = std::min(x0 + 1, grid.columns - 1), y1 = std::min(y0 + 1, grid.rows - 1);
  const double fx = x - static_cast<double>(x0), fy = y - static_cast<double>(y0);
  const auto add = [&](std::int64_t row, std::int64_t column, double part) {
    weights[row * grid.columns + column] += static_cast<float>(part * weight);
  };
  add(y0, x0, (1 - fy) * (1 - fx));
  add(y0, x1, (1 - fy) * fx);
  add(y1, x0, fy * (1 - fx));
  add(y1, x1, fy * fx);
}

}  // namespace

Alignment align(const Affine& target, Grid target_grid, const Affine& source, Grid source_grid) {
  if (target_grid.empty() || source_grid.empty())
    throw InputError(explain("alignment", "a grid without cells"));
  static_cast<void>(inverse(target, "cell_to_px"));
  const Affine m = compose(inverse(source, "cell_to_px"), target);  // target to source cells
  Alignment out;
  const auto cells = static_cast<std::size_t>(target_grid.cells());
  const auto others = static_cast<std::size_t>(source_grid.cells());
  out.covered.assign(cells, 0);
  out.weights.assign(cells * others, 0);
  // One sample for each source cell that a target cell spans, to the nearest whole number.
  const int nx = std::max(1, static_cast<int>(std::lround(std::hypot(m[0], m[3]) + kGrace)));
  const int ny = std::max(1, static_cast<int>(std::lround(std::hypot(m[1], m[4]) + kGrace)));
  for (std::size_t cell = 0; cell < cells; ++cell) {
    const auto row = static_cast<double>(static_cast<std::int64_t>(cell) / target_grid.columns);
    const auto column = static_cast<double>(static_cast<std::int64_t>(cell) % target_grid.columns);
    const Point2 centre = apply(m, column, row);
    if (!is_inside(centre, source_grid)) continue;
    out.covered[cell] = 1;
    std::vector<Point2> samples;
    for (int i = 0; i < ny; ++i) {
      for (int j = 0; j < nx; ++j) {
        const Point2 at = apply(m, column + (j + 0.5) / nx - 0.5, row + (i + 0.5) / ny - 0.5);
        if (is_inside(at, source_grid)) samples.push_back(at);
      }
    }
    if (samples.empty()) samples.push_back(centre);
    for (const Point2& at : samples)
      add_sample(out.weights.data() + cell * others, at, source_grid,
                 1.0 / static_cast<double>(samples.size()));
  }
  const Point2 first = apply(m, -0.5, -0.5);
  const Point2 last = apply(m, static_cast<double>(target_grid.columns) - 0.5,
                            static_cast<double>(target_grid.rows) - 0.5);
  const double whole = std::abs((last.x - first.x) * (last.y - first.y));
  out.area = whole > 0 ? overlap(first.x, last.x, source_grid.columns) *
                             overlap(first.y, last.y, source_grid.rows) / whole
                       : 0;
  return out;
}

}  // namespace vega
