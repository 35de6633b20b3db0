#include "kernels/gelu.h"

#include <ATen/ATen.h>

#include "kernels/dispatch.h"

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

}  // namespace vega::kernels
