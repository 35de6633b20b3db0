// Attention of few queries to many cached tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/decoder_entry.h"

namespace vega::kernels {

// Keys and values of a run of tokens, (kv heads, tokens, hd) each, tokens contiguous.
struct KeyValues {
  at::Tensor keys, values;
};

// softmax(q k^T / sqrt(hd)) v for R queries, the last R of the tokens in `runs`: query i sees all
// tokens but the last R - 1 - i. Query head h reads key head h / (heads / kv heads).
// q (R, heads, hd) float32|bfloat16, contiguous; returns (R, heads * hd). float32 throughout,
// rounded once. The bits depend on nothing but these values: not on where one run ends and the next
// begins, nor on threads. On CUDA hd is at most 256.
// Throws InputError (shape, dtype, device, layout).  Oracle: tests/ref/decoder_ref.h.
at::Tensor row_attention(const at::Tensor& q, std::span<const KeyValues> runs);

// All tokens that one query sees, as pointers to values of its type that live until the call ends.
using KeyRuns = std::vector<KeyRun>;

// The same for one query of each of R sequences. Neighbours in `sequences` that begin with the same
// memory, as the forks of a cache do, read it once for all of them; no bit depends on that. The CPU
// only: on CUDA this is cache_attention (cache_step.h).
at::Tensor row_attention(const at::Tensor& q, std::int64_t kv_heads,
                         std::span<const KeyRuns> sequences);

}  // namespace vega::kernels
