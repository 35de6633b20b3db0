#include "kernels/gelu.h"

#include <ATen/ATen.h>

#include "kernels/dispatch.h"
#include "kernels/linear.h"

namespace vega::kernels {

at::Tensor& gelu_tanh_(at::Tensor& x) {
  check_dtype("gelu_tanh_", "x", x, {at::kFloat, at::kBFloat16});
  check_contiguous("gelu_tanh_", "x", x);
  if (x.numel() == 0) return x;
  if (x.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_gelu_tanh, x.device(), element_of(x), x.mutable_data_ptr(), x.numel());
  } else {
    cpu::gelu_tanh(element_of(x), x.mutable_data_ptr(), x.numel());
  }
  return x;
}

at::Tensor linear_gelu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const char* op = "linear_gelu";
  check_dtype(op, "x", x, {at::kFloat, at::kBFloat16});
  check_contiguous(op, "x", x);
  check_that(x.dim() >= 1, op, "x", "a scalar", "at least one axis");
  check_shape(op, "weight", weight, {kAny, x.size(-1)});
  check_shape(op, "bias", bias, {weight.size(0)});
  for (const auto* tensor : {&weight, &bias}) {
    const char* name = tensor == &weight ? "weight" : "bias";
    check_dtype(op, name, *tensor, {x.scalar_type()});
    check_device(op, name, *tensor, x.device());
    check_contiguous(op, name, *tensor);
  }
  if (x.is_cuda() && x.numel() > 0) {
    auto shape = x.sizes().vec();
    shape.back() = weight.size(0);
    const at::Tensor rows = x.reshape({-1, x.size(-1)});
    // LibTorch's GELU here is the tanh form (CUDABlas: an epilogue of cuBLASLt).
    return at::_addmm_activation(bias, rows, weight.t(), 1, 1, /*use_gelu=*/true).reshape(shape);
  }
  at::Tensor out = linear_bf16(x, weight, bias);
  return gelu_tanh_(out);
}

}  // namespace vega::kernels
