#include "kernels/pool_tokens.h"

#include <ATen/ATen.h>

#include "kernels/dispatch.h"

namespace vega::kernels {
namespace {

at::Tensor run(const char* op, const at::Tensor& x, std::int64_t gh, std::int64_t gw,
               std::int64_t oh, std::int64_t ow, at::ScalarType out, bool gelu) {
  check_that(gh > 0 && gw > 0 && oh > 0 && ow > 0, op, "grid", to_string({gh, gw, oh, ow}),
             "positive extents");
  check_shape(op, "x", x, {kAny, gh * gw, kAny});
  check_dtype(op, "x", x, {at::kFloat, at::kBFloat16});
  check_contiguous(op, "x", x);
  check_out_type(op, out);
  at::Tensor result = at::empty({x.size(0), oh * ow, x.size(2)}, x.options().dtype(out));
  if (result.numel() == 0) return result;
  const Pool args{x.const_data_ptr(), result.mutable_data_ptr(), x.size(0), gh, gw, oh, ow,
                  x.size(2)};
  if (x.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_pool_tokens, x.device(), element_of(x), element_of(out), gelu, args);
  } else {
    cpu::pool_tokens(element_of(x), element_of(out), gelu, args);
  }
  return result;
}

}  // namespace

at::Tensor pool_tokens(const at::Tensor& x, std::int64_t gh, std::int64_t gw, std::int64_t oh,
                       std::int64_t ow, at::ScalarType out) {
  return run("pool_tokens", x, gh, gw, oh, ow, out, false);
}

at::Tensor gelu_pool(const at::Tensor& hidden, std::int64_t gh, std::int64_t gw, std::int64_t oh,
                     std::int64_t ow, at::ScalarType out) {
  return run("gelu_pool", hidden, gh, gw, oh, ow, out, true);
}

}  // namespace vega::kernels
