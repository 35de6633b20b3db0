#include "kernels/cross_gate.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/dispatch.h"

namespace vega::kernels {
namespace {

CrossGate prepare(const char* op, at::Tensor& x, const at::Tensor& ql, const at::Tensor& c,
                  const at::Tensor& u, int heads, double log_pad, double eps) {
  check_shape(op, "x", x, {kAny, kAny, kAny});
  check_dtype(op, "x", x, {at::kFloat});
  check_contiguous(op, "x", x);
  const std::int64_t width = x.size(2);
  check_shape(op, "ql", ql, {x.size(0), x.size(1), kAny});
  check_dtype(op, "ql", ql, {at::kFloat, at::kBFloat16});
  check_device(op, "ql", ql, x.device());
  check_contiguous(op, "ql", ql);
  check_parameter(op, "c", c, {width}, x.device());
  check_parameter(op, "u", u, {kAny, width}, x.device());
  check_that(heads > 0 && u.size(0) > 0 && u.size(0) % heads == 0, op, "u",
             std::to_string(u.size(0)) + " rows", "a multiple of " + std::to_string(heads));
  check_that(ql.size(2) >= width + u.size(0), op, "ql", std::to_string(ql.size(2)) + " columns",
             "at least " + std::to_string(width + u.size(0)));
  return {.x = x.mutable_data_ptr<float>(),
          .ql = ql.const_data_ptr(),
          .c = c.const_data_ptr<float>(),
          .u = u.const_data_ptr<float>(),
          .out = nullptr,
          .rows = x.size(0) * x.size(1),
          .width = width,
          .stride = ql.size(2),
          .heads = heads,
          .keys = static_cast<int>(u.size(0) / heads),
          .log_pad = static_cast<float>(std::max(log_pad, -1e30)),
          .eps = static_cast<float>(eps),
          .ln_eps = 0};
}

void run(const at::Tensor& x, const at::Tensor& ql, Element out_element, const CrossGate& args) {
  if (x.numel() == 0) return;
  if (x.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_cross_gate, x.device(), element_of(ql), out_element, args);
  } else {
    cpu::cross_gate(element_of(ql), out_element, args);
  }
}

}  // namespace

void cross_gate_(at::Tensor& x, const at::Tensor& ql, const at::Tensor& c, const at::Tensor& u,
                 int heads, double log_pad, double eps) {
  run(x, ql, Element::kF32, prepare("cross_gate_", x, ql, c, u, heads, log_pad, eps));
}

at::Tensor cross_gate_layer_norm_(at::Tensor& x, const at::Tensor& ql, const at::Tensor& c,
                                  const at::Tensor& u, int heads, double log_pad, double eps,
                                  double ln_eps, at::ScalarType out) {
  check_out_type("cross_gate_layer_norm_", out);
  CrossGate args = prepare("cross_gate_layer_norm_", x, ql, c, u, heads, log_pad, eps);
  at::Tensor result = at::empty(x.sizes(), x.options().dtype(out));
  args.out = result.mutable_data_ptr();
  args.ln_eps = static_cast<float>(ln_eps);
  run(x, ql, element_of(out), args);
  return result;
}

}  // namespace vega::kernels
