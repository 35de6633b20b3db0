// How well boxes and sets of boxes agree.
#pragma once

#include <array>
#include <span>
#include <vector>

namespace vega::metrics {

// Axis-aligned: centre and full extents (x, y, z), metres.
using BoxNumbers = std::array<double, 6>;

// Intersection over union in float64, as the released scripts compute it: inter / (v1 + v2 - inter
// + 1e-8). The small number makes a box that overlaps another by exactly one half miss the
// threshold 0.5. Source: VEGA-3D, scripts/3d/eval, eval_scanrefer.
double box_iou(const BoxNumbers& a, const BoxNumbers& b);

// The rows and columns of a matrix (rows x columns, row-major) paired so that the sum of the chosen
// values is largest. Every row gets a column where rows <= columns, else every column a row.
// Returns the column of each row, -1: none.
std::vector<int> largest_assignment(std::span<const double> values, int rows, int columns);

// F1 of predicted boxes at an IoU threshold: 1 when both sides are empty, 0 when one is; else pairs
// by the largest total IoU, IoUs in float32. Source: VEGA-3D, scripts/3d/eval, eval_multi3drefer.
double boxes_f1(std::span<const BoxNumbers> predicted, std::span<const BoxNumbers> truth,
                double threshold);

}  // namespace vega::metrics
