// Causal attention of a pass's tokens to all tokens of a cache, whatever their number and device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "nn/kv_cache.h"

namespace vega {

// q      (L, heads, hd): the last L tokens of `parts`, which are all tokens of one sequence.
// parts  keys and values (kv heads, tokens, hd) of q's type and device; kv heads divide heads.
// Returns (L, heads * hd), contiguous. Token i sees all tokens up to itself. Scores and sums in
// float32.
// Few tokens go through kernels::row_attention, whose bits do not depend on how the cache is cut
// into parts. A beginning (one part of L tokens) goes through LibTorch's fused causal kernel; many
// tokens behind others are masked, with the parts joined for the time of the call.
// Throws InputError (shape, dtype, device).
at::Tensor causal_attention(const at::Tensor& q, const std::vector<KvCache::Part>& parts);

// One token of each of R sequences on the CPU: the last one of its cache, written to `layer` and
// not advanced over. q (R, heads, hd), contiguous, of the caches' type; returns (R, heads * hd).
// What a row gets does not depend on the others, and forks of one cache read what they share once.
// Throws InputError (shape, dtype, device).
at::Tensor step_attention(const at::Tensor& q, std::int64_t layer,
                          std::span<KvCache* const> caches);

// So many tokens of a pass count as few: products and attention go through the row kernels.
inline constexpr std::int64_t kFewTokens = 8;

}  // namespace vega
