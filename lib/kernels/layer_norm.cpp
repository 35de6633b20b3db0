#include "kernels/layer_norm.h"

#include <ATen/ATen.h>

#include "kernels/dispatch.h"

namespace vega::kernels {
namespace {

void check_stream(const char* op, const at::Tensor& x) {
  check_dtype(op, "x", x, {at::kFloat});
  check_contiguous(op, "x", x);
  check_that(x.dim() >= 1, op, "x", "a scalar", "at least one axis");
}

void check_addend(const char* op, const at::Tensor& x, const at::Tensor& y) {
  check_dtype(op, "y", y, {at::kFloat, at::kBFloat16});
  check_device(op, "y", y, x.device());
  check_contiguous(op, "y", y);
  check_that(y.sizes() == x.sizes(), op, "y", to_string(y.sizes().vec()),
             "x's shape " + to_string(x.sizes().vec()));
}

// Either of y and out may be null.
void run(float* x, const at::Tensor& like, const at::Tensor* y, at::Tensor* out, double eps) {
  if (like.numel() == 0) return;
  const std::int64_t width = like.size(-1);
  const std::int64_t rows = like.numel() / width;
  const Element y_element = y ? element_of(*y) : Element::kF32;
  const Element out_element = out ? element_of(*out) : Element::kF32;
  const void* y_data = y ? y->const_data_ptr() : nullptr;
  void* out_data = out ? out->mutable_data_ptr() : nullptr;
  const auto eps32 = static_cast<float>(eps);
  if (like.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_add_layer_norm, like.device(), x, y_element, y_data, out_element,
                out_data, rows, width, eps32);
  } else {
    cpu::add_layer_norm(x, y_element, y_data, out_element, out_data, rows, width, eps32);
  }
}

}  // namespace

at::Tensor layer_norm(const at::Tensor& x, double eps, at::ScalarType out) {
  check_stream("layer_norm", x);
  check_out_type("layer_norm", out);
  at::Tensor result = at::empty(x.sizes(), x.options().dtype(out));
  // Without an addend x is only read.
  run(const_cast<float*>(x.const_data_ptr<float>()), x, nullptr, &result, eps);
  return result;
}

at::Tensor add_layer_norm_(at::Tensor& x, const at::Tensor& y, double eps, at::ScalarType out) {
  check_stream("add_layer_norm_", x);
  check_addend("add_layer_norm_", x, y);
  check_out_type("add_layer_norm_", out);
  at::Tensor result = at::empty(x.sizes(), x.options().dtype(out));
  run(x.mutable_data_ptr<float>(), x, &y, &result, eps);
  return result;
}

void add_(at::Tensor& x, const at::Tensor& y) {
  check_stream("add_", x);
  check_addend("add_", x, y);
  run(x.mutable_data_ptr<float>(), x, &y, nullptr, 0);
}

}  // namespace vega::kernels
