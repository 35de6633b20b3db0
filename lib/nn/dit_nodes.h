// Nodes of LibTorch's graph around kernels/dit_rows.h, for nn/dit_ops.cpp: on the CPU, in float32
// and bfloat16. Arguments as there; they need not be contiguous.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <utility>

namespace vega::dit_nodes {

at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale,
                          double eps, at::ScalarType type);
at::Tensor gated_add(const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate);
std::pair<at::Tensor, at::Tensor> gated_norm(const at::Tensor& x, const at::Tensor& y,
                                             const at::Tensor& gate, const at::Tensor& shift,
                                             const at::Tensor& scale, double eps);
std::array<at::Tensor, 3> normed_heads(const at::Tensor& qkv, const at::Tensor& norm_q,
                                       const at::Tensor& norm_k, const at::Tensor& rope,
                                       std::int64_t heads, double eps);
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);
at::Tensor gelu(const at::Tensor& x);

}  // namespace vega::dit_nodes
