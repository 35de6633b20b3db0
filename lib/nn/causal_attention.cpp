#include "nn/causal_attention.h"

#include <ATen/ATen.h>

#include "core/check.h"
#include "kernels/row_attention.h"

namespace vega {
namespace {

// (kv heads, heads of a group, L, hd): LibTorch's batch axis is the key head, so that all queries
// of a group read one key head in place.
at::Tensor grouped(const at::Tensor& q, std::int64_t kv_heads) {
  return q.view({q.size(0), kv_heads, q.size(1) / kv_heads, q.size(2)}).permute({1, 2, 0, 3});
}

at::Tensor ungrouped(const at::Tensor& mixed) {
  return mixed.permute({2, 0, 1, 3}).reshape({mixed.size(2), -1});
}

// The keys once for each head of a group: in place on the CPU, copies on CUDA, whose fused kernels
// are not promised to read a head twice.
at::Tensor for_group(const at::Tensor& keys, std::int64_t group) {
  const at::Tensor shared =
      keys.unsqueeze(1).expand({keys.size(0), group, keys.size(1), keys.size(2)});
  return keys.is_cuda() ? shared.contiguous() : shared;
}

at::Tensor fused(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                 const std::optional<at::Tensor>& mask, bool causal) {
  const std::int64_t kv_heads = keys.size(0), group = q.size(1) / kv_heads;
  return ungrouped(at::scaled_dot_product_attention(grouped(q, kv_heads), for_group(keys, group),
                                                    for_group(values, group), mask,
                                                    /*dropout_p=*/0.0, causal));
}

at::Tensor joined(const std::vector<KvCache::Part>& parts, at::Tensor KvCache::Part::*member) {
  std::vector<at::Tensor> all;
  for (const auto& part : parts) all.push_back(part.*member);
  return all.size() == 1 ? all[0] : at::cat(all, 1);
}

// True where token i of the last `rows` may look.
at::Tensor causal_mask(std::int64_t rows, std::int64_t tokens, at::Device device) {
  return at::ones({rows, tokens}, at::TensorOptions(device).dtype(at::kBool)).tril(tokens - rows);
}

void check(const at::Tensor& q, const std::vector<KvCache::Part>& parts, std::int64_t& tokens) {
  const char* op = "causal_attention";
  check_shape(op, "q", q, {kAny, kAny, kAny});
  check_that(!parts.empty(), op, "parts", "none", "at least one");
  const std::int64_t kv_heads = parts[0].keys.size(0);
  check_that(kv_heads > 0 && q.size(1) % kv_heads == 0, op, "q",
             std::to_string(q.size(1)) + " heads", "a multiple of " + std::to_string(kv_heads));
  for (const auto& part : parts) {
    check_shape(op, "keys", part.keys, {kv_heads, kAny, q.size(2)});
    check_shape(op, "values", part.values, {kv_heads, part.keys.size(1), q.size(2)});
    for (const auto* tensor : {&part.keys, &part.values}) {
      check_dtype(op, "parts", *tensor, {q.scalar_type()});
      check_device(op, "parts", *tensor, q.device());
    }
    tokens += part.keys.size(1);
  }
  check_that(tokens >= q.size(0), op, "parts", std::to_string(tokens) + " tokens",
             "at least " + std::to_string(q.size(0)));
}

}  // namespace

at::Tensor causal_attention(const at::Tensor& q, const std::vector<KvCache::Part>& parts) {
  std::int64_t tokens = 0;
  check(q, parts, tokens);
  const std::int64_t rows = q.size(0);
  if (rows <= kFewTokens && (q.is_cpu() || q.size(2) <= kernels::CacheAttention::kWidest)) {
    std::vector<kernels::KeyValues> runs;
    for (const auto& part : parts) runs.push_back({part.keys, part.values});
    return kernels::row_attention(q.contiguous(), runs);
  }
  const at::Tensor queries = q.contiguous();
  if (rows == tokens && parts.size() == 1)
    return fused(queries, parts[0].keys, parts[0].values, {}, rows > 1);
  return fused(queries, joined(parts, &KvCache::Part::keys), joined(parts, &KvCache::Part::values),
               causal_mask(rows, tokens, q.device()), false);
}

at::Tensor step_attention(const at::Tensor& q, std::int64_t layer,
                          std::span<KvCache* const> caches) {
  const char* op = "step_attention";
  const auto rows = static_cast<std::int64_t>(caches.size());
  check_that(rows > 0, op, "caches", "none", "at least one");
  check_shape(op, "q", q, {rows, kAny, caches[0]->shape().head_dim});
  std::vector<kernels::KeyRuns> sequences;
  for (const KvCache* cache : caches) {
    check_dtype(op, "q", q, {cache->shape().dtype});
    check_device(op, "q", q, cache->shape().device);
    sequences.push_back(cache->runs(layer, 1));
  }
  return kernels::row_attention(q, caches[0]->shape().heads, sequences);
}

}  // namespace vega
