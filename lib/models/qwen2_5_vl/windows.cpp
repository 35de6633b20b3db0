#include "models/qwen2_5_vl/windows.h"

#include <string>

#include "base/error.h"

namespace vega::qwen2_5_vl {
namespace {

// A part of an axis: the whole windows, or the smaller one at its end.
struct Stretch {
  std::int64_t first, windows, cells;
};

std::vector<Stretch> stretches(std::int64_t cells, std::int64_t side) {
  const std::int64_t whole = cells / side, rest = cells % side;
  std::vector<Stretch> out;
  if (whole > 0) out.push_back({0, whole, side});
  if (rest > 0) out.push_back({whole * side, 1, rest});
  return out;
}

}  // namespace

WindowOrder window_order(std::int64_t grid_h, std::int64_t grid_w, std::int64_t side) {
  if (grid_h < 1 || grid_w < 1 || side < 1)
    throw InputError(explain("window_order",
                             std::to_string(grid_h) + "x" + std::to_string(grid_w) +
                                 " cells, windows of " + std::to_string(side),
                             "at least 1 of each"));
  WindowOrder out;
  const auto append = [&](std::int64_t top, std::int64_t left, std::int64_t rows,
                          std::int64_t columns) {
    for (std::int64_t y = top; y < top + rows; ++y)
      for (std::int64_t x = left; x < left + columns; ++x) out.cell.push_back(y * grid_w + x);
  };
  for (const Stretch& down : stretches(grid_h, side)) {
    for (const Stretch& right : stretches(grid_w, side)) {
      out.groups.push_back({static_cast<std::int64_t>(out.cell.size()),
                            down.windows * right.windows, down.cells * right.cells});
      for (std::int64_t i = 0; i < down.windows; ++i)
        for (std::int64_t j = 0; j < right.windows; ++j)
          append(down.first + i * down.cells, right.first + j * right.cells, down.cells,
                 right.cells);
    }
  }
  out.place.resize(out.cell.size());
  for (std::size_t at = 0; at < out.cell.size(); ++at)
    out.place[static_cast<std::size_t>(out.cell[at])] = static_cast<std::int64_t>(at);
  return out;
}

}  // namespace vega::qwen2_5_vl
