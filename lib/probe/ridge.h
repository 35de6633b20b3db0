// Ridge regression in closed form from sums over rows: memory does not grow with the rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace vega {

// A fitted linear map. Outputs: the targets, then the classes.
struct RidgeFit {
  at::Tensor origin;  // (columns) float32: taken from a row first
  at::Tensor weight;  // (columns, outputs) float32
  at::Tensor offset;  // (outputs) float32

  // rows (n, at least columns) float32: the first columns count. Returns (n, outputs) float32.
  at::Tensor predict(const at::Tensor& rows) const;
};

struct RidgeRule {
  // Strength as a share of the mean of the diagonal of X'X, whose columns have mean 0 and
  // deviation 1: lambda = strength * rows.
  double strength = 1e-3;
  // Names that are classes. A class's output is divided by the root of its number of rows, which
  // stands half-way between the largest share (1) and equal classes (the number itself).
  std::vector<std::int32_t> classes;
};

// Sums of x'x, x'y and of x over the rows of each name, in float64 over blocks of 2048 rows.
// Products of a block are float32, or float64 where `exact`; docs/probe.md derives when that is
// enough. The bits do not depend on the number of threads. For one thread at a time.
class RidgeSums {
 public:
  RidgeSums(std::int64_t columns, std::int64_t targets, bool exact);

  // x (n, columns), y (n, targets) float32, finite; names: n numbers, -1: none.
  // Throws InputError (shape, dtype).
  void add(const at::Tensor& x, const at::Tensor& y, std::span<const std::int32_t> names,
           int threads);

  std::int64_t columns() const { return columns_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t rows_of(std::int32_t name) const;

  // The minimum of |y - a - x w|^2 + lambda |w|^2 over the first `columns` columns, brought to mean
  // 0 and deviation 1 (a constant one gets weight 0); a is not held down. A class is 1 on the rows
  // of its name, else 0. Throws InputError: no row, a strength that is not above 0.
  RidgeFit fit(std::int64_t columns, const RidgeRule& rule) const;

  // Bytes that sums of so many columns take, and a fit of them beside.
  static double bytes(std::int64_t columns, std::int64_t targets);

 private:
  void add_block(const at::Tensor& rows, int threads);
  void add_names(const at::Tensor& x, std::span<const std::int32_t> names);
  at::Tensor sums_of(std::int32_t name) const;  // (columns) of x - origin

  std::int64_t columns_, targets_;
  bool exact_;
  std::int64_t rows_ = 0;
  at::Tensor origin_;   // (columns + targets) float32: mean of the first rows, against cancellation
  at::Tensor moments_;  // (c, c) float64 of [x, y, 1] - origin; c = columns + targets + 1; panels
                        // below the diagonal stay 0
  std::vector<at::Tensor> by_name_;  // (columns) float64 each
  std::vector<std::int64_t> name_rows_;
};

}  // namespace vega
