#include "nn/dit_ops.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/wide_type.h"
#include "nn/dit_nodes.h"

namespace vega {
namespace {

// The most tokens of a clip for which a thread holds all scores of a head.
constexpr std::int64_t kMostHeld = 2048;

// Kernels: on the CPU, but for float64.
bool has_dit_kernels(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

// Of the wide type.
at::Tensor rms_norm_wide(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(wide_type(x.scalar_type()));
  return wide * at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps) * weight;
}

at::Tensor normed_and_turned(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& rope,
                             std::int64_t heads, double eps) {
  const at::Tensor normed = rms_norm_wide(x, weight, eps).unflatten(-1, {heads, -1, 2});
  const at::Tensor a = normed.select(-1, 0), b = normed.select(-1, 1);
  const at::Tensor cos = rope.select(-1, 0).unsqueeze(1), sin = rope.select(-1, 1).unsqueeze(1);
  return at::stack({a * cos - b * sin, a * sin + b * cos}, -1)
      .flatten(3)
      .to(x.scalar_type())
      .transpose(1, 2);
}

}  // namespace

at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale,
                          double eps, at::ScalarType type) {
  if (has_dit_kernels(x)) return dit_nodes::modulated_norm(x, shift, scale, eps, type);
  const at::Tensor normed = at::layer_norm(x, {x.size(-1)}, {}, {}, eps);
  return at::addcmul(shift.unsqueeze(1), normed, 1 + scale.unsqueeze(1)).to(type);
}

std::pair<at::Tensor, at::Tensor> gated_norm(const at::Tensor& x, const at::Tensor& y,
                                             const at::Tensor& gate, const at::Tensor& shift,
                                             const at::Tensor& scale, double eps) {
  if (has_dit_kernels(x)) return dit_nodes::gated_norm(x, y, gate, shift, scale, eps);
  const at::Tensor sum = gated_add(x, y, gate);
  return {sum, modulated_norm(sum, shift, scale, eps, y.scalar_type())};
}

at::Tensor gated_add(const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate) {
  if (has_dit_kernels(x)) return dit_nodes::gated_add(x, y, gate);
  return at::addcmul(x, y.to(x.scalar_type()), gate.unsqueeze(1));
}

std::array<at::Tensor, 3> normed_heads(const at::Tensor& qkv, const at::Tensor& norm_q,
                                       const at::Tensor& norm_k, const at::Tensor& rope,
                                       std::int64_t heads, double eps) {
  if (has_dit_kernels(qkv)) return dit_nodes::normed_heads(qkv, norm_q, norm_k, rope, heads, eps);
  const auto parts = qkv.chunk(3, -1);
  return {normed_and_turned(parts[0], norm_q, rope, heads, eps),
          normed_and_turned(parts[1], norm_k, rope, heads, eps), split_heads(parts[2], heads)};
}

at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

at::Tensor rms_heads(const at::Tensor& x, const at::Tensor& weight, std::int64_t heads,
                     double eps) {
  return split_heads(rms_norm_wide(x, weight, eps).to(x.scalar_type()), heads);
}

at::Tensor full_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  if (has_dit_kernels(q) && q.sizes() == k.sizes()) {
    if (q.size(2) <= kMostHeld) return dit_nodes::attention(q, k, v);
    return at::scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2);
  }
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  const at::Tensor shares = at::softmax(at::matmul(q * scale, k.transpose(-1, -2)), -1);
  return at::matmul(shares, v).transpose(1, 2).flatten(2);
}

at::Tensor train_gelu(const at::Tensor& x) {
  return has_dit_kernels(x) ? dit_nodes::gelu(x) : at::gelu(x, "tanh");
}

at::Tensor clip_rope(std::int64_t frames, std::int64_t rows, std::int64_t columns,
                     std::int64_t head_dim, at::ScalarType type) {
  const std::int64_t pairs = head_dim / 2, space = pairs / 3, time = pairs - 2 * space;
  const auto angles = [](std::int64_t positions, std::int64_t count) {
    const at::Tensor frequency =
        at::pow(10000.0, at::arange(count, at::kDouble) * (-1.0 / static_cast<double>(count)));
    return at::outer(at::arange(positions, at::kDouble), frequency);
  };
  const auto spread = [&](const at::Tensor& angle, at::IntArrayRef places) {
    return angle.view(places).expand({frames, rows, columns, angle.size(1)});
  };
  const at::Tensor angle = at::cat({spread(angles(frames, time), {frames, 1, 1, time}),
                                    spread(angles(rows, space), {1, rows, 1, space}),
                                    spread(angles(columns, space), {1, 1, columns, space})},
                                   3)
                               .reshape({frames * rows * columns, pairs});
  return at::stack({at::cos(angle), at::sin(angle)}, 2).to(type);
}

}  // namespace vega
