// Causal attention of several questions behind one shared beginning, in one packed sequence.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace vega {

// Tokens in order: `prefix` shared ones (0: none), then each question's. A shared token sees itself
// and the shared ones before it; a question's token sees all shared ones, itself, and the ones
// before it of its own question. One plain sequence: prefix = its length and no question, or 0 and
// one.
struct PackedLayout {
  std::int64_t prefix = 0;
  std::vector<std::int64_t> lengths;  // of the questions, each at least 1

  std::int64_t tokens() const;  // all of them
};

// q (L, heads, hd), k and v (L, kv heads, hd) of one floating type and device, L = layout.tokens(),
// kv heads divide heads; scores are scaled by hd^-0.5. Returns (L, heads * hd). Differentiable.
// Throws InputError (shape, layout).
at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const PackedLayout& layout);

}  // namespace vega
