// Attention of few queries to many cached tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

namespace vega::kernels {

// Keys and values of a run of tokens, (kv heads, tokens, hd) each, tokens contiguous.
struct KeyValues {
  at::Tensor keys, values;
};

// softmax(q k^T / sqrt(hd)) v for R queries, the last R of the tokens in `runs`: query i sees all
// tokens but the last R - 1 - i. Query head h reads key head h / (heads / kv heads).
// q (R, heads, hd) float32|bfloat16, contiguous; returns (R, heads * hd). float32 throughout,
// rounded once. The bits depend on nothing but these values: not on where one run ends and the next
// begins, nor on threads.
// The CPU only. Throws InputError (shape, dtype, device, layout).  Oracle: tests/ref/decoder_ref.h.
at::Tensor row_attention(const at::Tensor& q, std::span<const KeyValues> runs);

}  // namespace vega::kernels
