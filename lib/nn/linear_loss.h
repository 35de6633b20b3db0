// The cross-entropy of a language model's head, without ever holding all logits.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace vega {

struct LinearLossOptions {
  // Rows of logits at a time; 0: as many as take about 64 MiB on the CPU, 512 MiB on a GPU.
  std::int64_t block_rows = 0;
  // Rows of the head that stand elsewhere (trained rows of new tokens, where the head is the
  // embedding): row i of new_rows (n, H) takes the place of row new_ids[i] of the head.
  at::Tensor new_ids;   // (n) int64 on the head's device; undefined: none
  at::Tensor new_rows;  // (n, H)
};

struct LinearLoss {
  at::Tensor sum;      // () of weights' type: sum over i of weights[i] CE_i; differentiable
  at::Tensor per_row;  // (n) of the same type: CE_i, 0 where the weight is 0; without gradient
};

// CE_i = logsumexp(l_i) - l_i[target_i], l = hidden head^T: the product in hidden's type, then
// widened to float32 (float64 where hidden is that), as released.
// hidden   (n, H) float32|bfloat16|float64.
// head     (vocab, H); a master of another type is cast, and its gradient arrives in its own type.
// targets  (n) int64, 0 <= target < vocab where the weight is not 0; anything elsewhere.
// weights  (n) float32 (float64 where hidden is). A row of weight 0 does not enter the product.
// All on one device. Gradients to hidden, and to head and new_rows where these require one: they
// are computed in the forward pass, block by block, so that a block's logits are computed once.
// Throws InputError (shape, dtype, a target outside of the vocabulary).
LinearLoss linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& head,
                                const at::Tensor& targets, const at::Tensor& weights,
                                const LinearLossOptions& options = {});

}  // namespace vega
