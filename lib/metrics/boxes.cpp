#include "metrics/boxes.h"

#include <algorithm>
#include <limits>

namespace vega::metrics {

double box_iou(const BoxNumbers& a, const BoxNumbers& b) {
  double intersection = 1, volume_a = 1, volume_b = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double low_a = a[axis] - a[axis + 3] / 2, high_a = a[axis] + a[axis + 3] / 2;
    const double low_b = b[axis] - b[axis + 3] / 2, high_b = b[axis] + b[axis + 3] / 2;
    intersection *= std::max(0.0, std::min(high_a, high_b) - std::max(low_a, low_b));
    volume_a *= high_a - low_a;
    volume_b *= high_b - low_b;
  }
  return intersection / (volume_a + volume_b - intersection + 1e-8);
}

// The Hungarian method with potentials (Jonker and Volgenant 1987): one shortest augmenting path a
// row.
std::vector<int> largest_assignment(std::span<const double> values, int rows, int columns) {
  if (rows > columns) {
    std::vector<double> turned(values.size());
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c)
        turned[static_cast<std::size_t>(c * rows + r)] =
            values[static_cast<std::size_t>(r * columns + c)];
    const std::vector<int> row_of = largest_assignment(turned, columns, rows);
    std::vector<int> out(static_cast<std::size_t>(rows), -1);
    for (int c = 0; c < columns; ++c)
      out[static_cast<std::size_t>(row_of[static_cast<std::size_t>(c)])] = c;
    return out;
  }
  const auto n = static_cast<std::size_t>(rows), m = static_cast<std::size_t>(columns);
  constexpr double kFar = std::numeric_limits<double>::infinity();
  // Places count from 1; place 0 of `row_at` is the row that looks for a column.
  std::vector<double> row_price(n + 1, 0), column_price(m + 1, 0);
  std::vector<std::size_t> row_at(m + 1, 0), before(m + 1, 0);
  for (std::size_t row = 1; row <= n; ++row) {
    row_at[0] = row;
    std::size_t column = 0;
    std::vector<double> distance(m + 1, kFar);
    std::vector<bool> done(m + 1, false);
    do {
      done[column] = true;
      const std::size_t from = row_at[column];
      double step = kFar;
      std::size_t next = 0;
      for (std::size_t c = 1; c <= m; ++c) {
        if (done[c]) continue;
        const double cost = -values[(from - 1) * m + (c - 1)] - row_price[from] - column_price[c];
        if (cost < distance[c]) distance[c] = cost, before[c] = column;
        if (distance[c] < step) step = distance[c], next = c;
      }
      for (std::size_t c = 0; c <= m; ++c) {
        if (done[c]) {
          row_price[row_at[c]] += step;
          column_price[c] -= step;
        } else {
          distance[c] -= step;
        }
      }
      column = next;
    } while (row_at[column] != 0);
    while (column != 0) {
      row_at[column] = row_at[before[column]];
      column = before[column];
    }
  }
  std::vector<int> out(n, -1);
  for (std::size_t c = 1; c <= m; ++c) {
    if (row_at[c] != 0) out[row_at[c] - 1] = static_cast<int>(c - 1);
  }
  return out;
}

double boxes_f1(std::span<const BoxNumbers> predicted, std::span<const BoxNumbers> truth,
                double threshold) {
  if (predicted.empty() && truth.empty()) return 1;
  if (predicted.empty() || truth.empty()) return 0;
  std::vector<double> iou;
  iou.reserve(predicted.size() * truth.size());
  for (const BoxNumbers& p : predicted)
    for (const BoxNumbers& t : truth) iou.push_back(static_cast<float>(box_iou(p, t)));
  const auto columns = static_cast<int>(truth.size());
  const std::vector<int> pair =
      largest_assignment(iou, static_cast<int>(predicted.size()), columns);
  double hits = 0;
  for (std::size_t p = 0; p < pair.size(); ++p) {
    if (pair[p] < 0) continue;
    hits += iou[p * truth.size() + static_cast<std::size_t>(pair[p])] >= threshold;
  }
  return 2 * hits / static_cast<double>(predicted.size() + truth.size());
}

}  // namespace vega::metrics
