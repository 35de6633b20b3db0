#include "kernels/qk_norm_rope.h"

#include <ATen/ATen.h>

#include "kernels/dispatch.h"

namespace vega::kernels {

std::array<at::Tensor, 3> qk_norm_rope_(at::Tensor& qkv, const at::Tensor& wq, const at::Tensor& wk,
                                        const at::Tensor& rope, int heads, double eps) {
  const char* op = "qk_norm_rope_";
  check_shape(op, "qkv", qkv, {kAny, kAny, kAny});
  check_dtype(op, "qkv", qkv, {at::kFloat, at::kBFloat16});
  check_contiguous(op, "qkv", qkv);
  const std::int64_t frames = qkv.size(0);
  const std::int64_t tokens = qkv.size(1);
  const std::int64_t width = qkv.size(2) / 3;
  check_that(heads > 0 && qkv.size(2) == 3 * width && width % (2 * std::int64_t{heads}) == 0, op,
             "qkv", to_string(qkv.sizes().vec()) + " with " + std::to_string(heads) + " heads",
             "3 * heads * an even head width in the last axis");
  const std::int64_t head_dim = width / heads;
  check_parameter(op, "wq", wq, {width}, qkv.device());
  check_parameter(op, "wk", wk, {width}, qkv.device());
  check_parameter(op, "rope", rope, {tokens, head_dim / 2, 2}, qkv.device());

  const at::Tensor parts = qkv.view({frames, tokens, 3, heads, head_dim}).permute({2, 0, 3, 1, 4});
  std::array<at::Tensor, 3> out{parts[0], parts[1], parts[2]};
  if (qkv.numel() == 0) return out;
  void* data = qkv.mutable_data_ptr();
  const auto* wq_data = wq.const_data_ptr<float>();
  const auto* wk_data = wk.const_data_ptr<float>();
  const auto* rope_data = rope.const_data_ptr<float>();
  const auto eps32 = static_cast<float>(eps);
  if (qkv.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_qk_norm_rope, qkv.device(), element_of(qkv), data, wq_data, wk_data,
                rope_data, frames, tokens, heads, head_dim, eps32);
  } else {
    cpu::qk_norm_rope(element_of(qkv), data, wq_data, wk_data, rope_data, frames, tokens, heads,
                      head_dim, eps32);
  }
  return out;
}

}  // namespace vega::kernels
