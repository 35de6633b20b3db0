// What training needs between matrix products on the CPU, row by row, without LibTorch's graph: the
// backward passes of kernels/decoder_rows.h, dropout by Philox, and the gradient of a softmax.
// On other devices and in float64 nn/train_ops.h computes the same by LibTorch's operators.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace vega::kernels {

// Of rms_norm(x, weight): dx = s (dn - xh mean(dn xh)), dn = weight dy, xh = s x, s =
// rsqrt(mean(x^2)
// + eps), in float32 and rounded once. dy, x (L, H) float32|bfloat16, contiguous; weight (H) of
// their type. Throws InputError (shape, dtype, device, layout).
at::Tensor rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                             double eps);

// silu(gate) * up, the former rounded, into a new tensor; and the gradients of both of dy.
// All of one shape, float32|bfloat16, contiguous.
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);
std::pair<at::Tensor, at::Tensor> swiglu_backward(const at::Tensor& dy, const at::Tensor& gate,
                                                  const at::Tensor& up);

// What elements dropout keeps: 1 or 0, uint8 (count), on the CPU. Element e is kept when word e of
// Philox, counter (e div 4, step, hash), lies in [p, 1). count below 2^34.
at::Tensor dropout_keep(std::int64_t count, double p, std::uint64_t seed, std::uint32_t step,
                        std::uint64_t hash);

// x * keep / (1 - p); onto: added to that, in place. x, onto float32|bfloat16, contiguous; keep of
// dropout_keep, as many.
at::Tensor dropout_apply(const at::Tensor& x, const at::Tensor& keep, double p);
void dropout_add_(at::Tensor& onto, const at::Tensor& x, const at::Tensor& keep, double p);

// logits (n, vocab) float32, contiguous, become weight_i (softmax - one at target_i); entropies (n)
// get logsumexp - logit of the target. targets (n) int64 within the vocabulary, weights (n)
// float32.
void softmax_gradient_(at::Tensor& logits, const at::Tensor& targets, const at::Tensor& weights,
                       at::Tensor& entropies);

}  // namespace vega::kernels
