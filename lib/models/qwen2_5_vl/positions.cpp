#include "models/qwen2_5_vl/positions.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace vega::qwen2_5_vl {

void PositionCounter::text(std::int64_t tokens) {
  for (std::int64_t n = 0; n < tokens; ++n, ++next_)
    for (auto& row : rows_) row.push_back(next_);
}

void PositionCounter::picture(std::int64_t grid_h, std::int64_t grid_w) {
  for (std::int64_t y = 0; y < grid_h; ++y) {
    for (std::int64_t x = 0; x < grid_w; ++x) {
      rows_[0].push_back(next_);
      rows_[1].push_back(next_ + y);
      rows_[2].push_back(next_ + x);
    }
  }
  next_ += std::max(grid_h, grid_w);
}

at::Tensor PositionCounter::take() {
  std::vector<at::Tensor> rows;
  for (auto& row : rows_) {
    rows.push_back(at::tensor(row, at::kLong));
    row.clear();
  }
  return at::stack(rows);
}

}  // namespace vega::qwen2_5_vl
