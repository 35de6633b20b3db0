#include "fusion/pool.h"

#include <ATen/ATen.h>

#include <string>

#include "base/error.h"
#include "core/check.h"

namespace vega {

at::Tensor resize_tokens(const at::Tensor& tokens, Grid from, Grid to) {
  constexpr auto kOp = "resize_tokens";
  check_that(from.rows > 0 && from.columns > 0 && to.rows > 0 && to.columns > 0, kOp, "grid",
             "no cells", "grids with cells");
  const bool flat = tokens.defined() && tokens.dim() == 3;
  if (flat) {
    check_shape(kOp, "tokens", tokens, {kAny, from.cells(), kAny});
  } else {
    check_shape(kOp, "tokens", tokens, {kAny, from.rows, from.columns, kAny});
  }
  check_that(tokens.is_floating_point(), kOp, "tokens", c10::toString(tokens.scalar_type()),
             "a floating type");
  const std::int64_t frames = tokens.size(0), width = tokens.size(-1);
  std::vector<std::int64_t> shape{frames, to.rows, to.columns, width};
  if (flat) shape = {frames, to.cells(), width};
  if (from == to) return tokens;
  if (frames == 0 || width == 0) return at::empty(shape, tokens.options());
  const auto type = tokens.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor planes =
      tokens.reshape({frames, from.rows, from.columns, width}).permute({0, 3, 1, 2}).to(type);
  const at::Tensor out = at::upsample_bilinear2d(planes, {to.rows, to.columns}, false);
  return out.permute({0, 2, 3, 1}).to(tokens.scalar_type()).reshape(shape);
}

Grid pooled_grid(Grid grid) { return {(grid.rows + 1) / 2, (grid.columns + 1) / 2}; }

void check_pool_mode(std::string_view mode) {
  if (mode == "bilinear") return;
  const std::string got(mode);
  if (mode == "average" || mode == "max") {
    throw UsageError(explain("pooling of the semantic tokens", got, "bilinear",
                             "windows of 2 leave 13 x 13 cells of 27 x 27, and the generative "
                             "stream has 14 x 14"));
  }
  throw UsageError(explain("pooling of the semantic tokens", got, "bilinear"));
}

}  // namespace vega
