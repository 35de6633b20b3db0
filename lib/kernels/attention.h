// Softmax attention. The score scale is always 1: callers fold it into q.
#pragma once

#include <ATen/core/Tensor.h>

namespace vega::kernels {

// softmax(q k^T) v per head, unmasked.
// q, k, v (N, heads, L, hd) float32|bfloat16, same type and device. Returns (N, L, heads*hd),
// contiguous: ready for the output matrix. Memory grows with L, not L^2.
// Throws InputError (shape, dtype, device).  Oracle: tests/ref/kernels_ref.h.
at::Tensor softmax_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

// One wide head, as in the middle of the Wan VAE: softmax(qprime xhat^T) v,
// all (N, L, C), xhat = x / ||x||. Scores and softmax in float32 whatever the type; memory is
// bounded by chunks of query rows. Returns (N, L, C) in the inputs' type.
at::Tensor vae_attention(const at::Tensor& xhat, const at::Tensor& qprime, const at::Tensor& v);
// Bytes on CUDA that it takes beside its arguments and its result.
double vae_attention_bytes(std::int64_t frames, std::int64_t length, at::ScalarType type);

}  // namespace vega::kernels
