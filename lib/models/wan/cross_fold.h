// Cross-attention to a constant prompt as one gate a head and prompt row (docs/kernels/wan.md, b).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace vega::wan {

struct Affine2 {
  at::Tensor weight, bias;
};

// One block's cross-attention. Matrices (D, D), vectors (D), all of one floating type.
struct CrossWeights {
  Affine2 q, k, v, o;
  Affine2 norm;               // the affine layer norm in front
  at::Tensor norm_q, norm_k;  // RMS norms over the full width
};

// For x the normalised token without the affine part, r = 1 / rms(q) and n prompt rows:
//   [q; l] = weight x + bias       D rows q, then heads * n logits (head-major), relative to the
//   pad row's p_hi   = exp(l_hi r) / (sum_i exp(l_hi r) + number of pad rows) out    = base +
//   sum_hi p_hi delta_hi        the attention's contribution to the residual stream
struct CrossFold {
  at::Tensor weight, bias;  // (D + heads * n, D), (D + heads * n)
  at::Tensor base, delta;   // (D), (heads * n, D)
};

// text (n + 1, D): embedded prompt rows, then the pad row. Everything in the type of the inputs.
CrossFold fold_cross(const CrossWeights& weights, const at::Tensor& text, std::int64_t heads,
                     double eps);

}  // namespace vega::wan
