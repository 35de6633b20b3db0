// Grids of tokens brought to another size, as the releases do it: bilinear between the centres of
// cells (align_corners false), without antialiasing.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "geometry/grid.h"

namespace vega {

// tokens (V, from.cells, D) or (V, from.rows, from.columns, D), floating; returns the same number
// of axes with `to`, same type. Evaluated in float32 (float64 stays), rounded once. Throws
// InputError.
at::Tensor resize_tokens(const at::Tensor& tokens, Grid from, Grid to);

// Cells after the release's 2-D pooling with stride 2: ceil(n / 2) an axis (27 -> 14).
Grid pooled_grid(Grid grid);

// Accepts "bilinear" (the releases' `mm_spatial_pool_mode`). Throws UsageError on average and max,
// which give 13 x 13 cells of 27 x 27 and fit no stream of 14 x 14, and on unknown names.
void check_pool_mode(std::string_view mode);

}  // namespace vega
