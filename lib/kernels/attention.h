// Softmax attention. The score scale is always 1: callers fold it into q.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace vega::kernels {

// softmax(q k^T) v per head, unmasked.
// q, k, v (N, heads, L, hd) float32|bfloat16, same type and device. Returns (N, L, heads*hd),
// contiguous: ready for the output matrix. Memory grows with L, not L^2.
// Throws InputError (shape, dtype, device).  Oracle: tests/ref/kernels_ref.h.
at::Tensor softmax_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

// How vae_attention goes over its scores on a GPU: `frames` frames at a time with all their query
// rows, or, where the scores of one frame are too many, `rows` query rows of one frame.
struct ScoreSteps {
  std::int64_t frames = 1, rows = 0;

  bool operator==(const ScoreSteps&) const = default;
};

// Steps of equal size that keep the float32 scores within `score_bytes`, or 128 query rows where
// even those exceed it; few, and such that they overlap least. A step's size follows from the
// numbers given, never from the memory that happens to be free, so that a frame has the same bits
// in every run.
ScoreSteps score_steps(std::int64_t frames, std::int64_t length, std::int64_t score_bytes);

inline constexpr std::int64_t kScoreBytes = std::int64_t{32} << 20;

// One wide head, as in the middle of the Wan VAE: softmax(qprime xhat^T) v,
// all (N, L, C), xhat = x / ||x||. Scores and softmax in float32 whatever the type. Returns (N, L,
// C) in the inputs' type. On a GPU scores are taken in score_steps(N, L, score_bytes), and beside
// them are their softmax in the inputs' type; on the CPU in small blocks.
at::Tensor vae_attention(const at::Tensor& xhat, const at::Tensor& qprime, const at::Tensor& v,
                         std::int64_t score_bytes = kScoreBytes);
// Bytes on CUDA that it takes beside its arguments and its result.
double vae_attention_bytes(std::int64_t frames, std::int64_t length, at::ScalarType type,
                           std::int64_t score_bytes);

}  // namespace vega::kernels
