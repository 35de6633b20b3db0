#include "nn/packed_attention.h"

#include <ATen/ATen.h>

#include "core/check.h"

namespace vega {
namespace {

constexpr const char* kPacked = "packed_attention";

// (L, heads, hd) -> (kv heads, heads of a group, L, hd): all queries of a group read one key head
// in place.
at::Tensor by_group(const at::Tensor& x, std::int64_t kv_heads, std::int64_t group) {
  const std::int64_t own = x.size(1) / kv_heads;
  const at::Tensor split = x.view({x.size(0), kv_heads, own, x.size(2)}).permute({1, 2, 0, 3});
  return own == group ? split : split.expand({kv_heads, group, x.size(0), x.size(2)});
}

// True where a question's token (row) may see a token (column): all of the prefix, its own question
// up to itself.
at::Tensor question_mask(const PackedLayout& layout, at::Device device) {
  const std::int64_t rows = layout.tokens() - layout.prefix;
  at::Tensor mask = at::zeros({rows, layout.tokens()}, at::kBool);
  mask.narrow(1, 0, layout.prefix).fill_(true);
  std::int64_t first = 0;
  for (const std::int64_t length : layout.lengths) {
    mask.narrow(0, first, length)
        .narrow(1, layout.prefix + first, length)
        .copy_(at::ones({length, length}, at::kBool).tril());
    first += length;
  }
  return mask.to(device);
}

}  // namespace

std::int64_t PackedLayout::tokens() const {
  std::int64_t sum = prefix;
  for (const std::int64_t length : lengths) sum += length;
  return sum;
}

at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const PackedLayout& layout) {
  const std::int64_t tokens = layout.tokens();
  check_shape(kPacked, "q", q, {tokens, kAny, kAny});
  const std::int64_t heads = q.size(1), width = q.size(2), kv_heads = k.size(1);
  check_shape(kPacked, "k", k, {tokens, kAny, width});
  check_shape(kPacked, "v", v, {tokens, kv_heads, width});
  check_that(kv_heads > 0 && heads % kv_heads == 0, kPacked, "q", std::to_string(heads) + " heads",
             "a multiple of " + std::to_string(kv_heads));
  for (const std::int64_t length : layout.lengths)
    check_that(length > 0, kPacked, "layout", "a question without tokens", "at least one");
  const std::int64_t group = heads / kv_heads;
  const auto fused = [&](std::int64_t first, std::int64_t rows, std::int64_t from,
                         const std::optional<at::Tensor>& mask, bool causal) {
    const std::int64_t keys = first + rows - from;
    return at::scaled_dot_product_attention(by_group(q.narrow(0, first, rows), kv_heads, group),
                                            by_group(k.narrow(0, from, keys), kv_heads, group),
                                            by_group(v.narrow(0, from, keys), kv_heads, group),
                                            mask, /*dropout_p=*/0.0, causal)
        .permute({2, 0, 1, 3})
        .reshape({rows, heads * width});
  };
  if (layout.lengths.empty() || (layout.prefix == 0 && layout.lengths.size() == 1))
    return fused(0, tokens, 0, std::nullopt, /*causal=*/true);
  std::vector<at::Tensor> parts;
  if (layout.prefix > 0) parts.push_back(fused(0, layout.prefix, 0, std::nullopt, true));
  parts.push_back(
      fused(layout.prefix, tokens - layout.prefix, 0, question_mask(layout, q.device()), false));
  return parts.size() == 1 ? parts[0] : at::cat(parts);
}

}  // namespace vega
