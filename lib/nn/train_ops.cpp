#include "nn/train_ops.h"

#include <ATen/ATen.h>

namespace vega {

at::Tensor train_rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  const at::Tensor scale = at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps);
  return weight.to(x.scalar_type()) * (wide * scale).to(x.scalar_type());
}

at::Tensor train_rope(const at::Tensor& x, const RopeTable& rope) {
  const auto halves = x.chunk(2, -1);
  const at::Tensor cos = rope.cos.unsqueeze(1), sin = rope.sin.unsqueeze(1);
  return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1);
}

at::Tensor train_swiglu(const at::Tensor& gate, const at::Tensor& up) {
  return at::silu(gate) * up;
}

}  // namespace vega
