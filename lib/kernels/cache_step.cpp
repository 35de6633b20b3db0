#include "kernels/cache_step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "kernels/decoder_entry.h"
#include "kernels/dispatch.h"

namespace vega::kernels {
namespace {

void check_rows(const char* op, const char* name, const at::Tensor& tensor, const at::Tensor& q) {
  check_dtype(op, name, tensor, {q.scalar_type()});
  check_device(op, name, tensor, q.device());
  check_contiguous(op, name, tensor);
}

void check_table(const char* op, const at::Tensor& q, const DeviceTable& table) {
  check_shape(op, "q", q, {kAny, kAny, kAny});
  check_dtype(op, "q", q, {at::kFloat, at::kBFloat16});
  check_contiguous(op, "q", q);
  check_that(q.is_cuda(), op, "q", q.device().str(), "a CUDA device");
  check_shape(op, "table", table.words, {q.size(0), kAny});
  check_dtype(op, "table", table.words, {at::kLong});
  check_device(op, "table", table.words, q.device());
  check_contiguous(op, "table", table.words);
  check_that(table.words.size(1) >= table_words(1), op, "table",
             std::to_string(table.words.size(1)) + " words a row", "room for one run at least");
}

CacheTable table_of(const DeviceTable& table) {
  return {table.words.const_data_ptr<std::int64_t>(), table.words.size(1)};
}

}  // namespace

std::int64_t table_words(std::int64_t runs) { return CacheTable::kHead + CacheTable::kRun * runs; }

bool is_packed(const KeyRuns& runs, std::int64_t element_bytes) {
  constexpr std::int64_t kBytes = 16;
  return std::ranges::all_of(runs, [&](const KeyRun& run) {
    const auto at = [](const void* p) { return reinterpret_cast<std::intptr_t>(p); };
    return at(run.keys) % kBytes == 0 && at(run.values) % kBytes == 0 &&
           run.head_stride * element_bytes % kBytes == 0 &&
           run.layer_stride * element_bytes % kBytes == 0;
  });
}

void fill_table_row(const KeyRuns& runs, std::int64_t tokens, std::span<std::int64_t> words) {
  check_that(static_cast<std::int64_t>(words.size()) >=
                 table_words(static_cast<std::int64_t>(runs.size())),
             "fill_table_row", "words", std::to_string(words.size()), "room for all runs");
  std::int64_t first = 0;
  std::size_t next = CacheTable::kHead;
  words[1] = 0;
  for (const KeyRun& run : runs) {
    if (first >= tokens) break;
    words[next++] = reinterpret_cast<std::intptr_t>(run.keys);
    words[next++] = reinterpret_cast<std::intptr_t>(run.values);
    words[next++] = run.layer_stride;
    words[next++] = run.head_stride;
    words[next++] = first;
    first += run.length;
    ++words[1];
  }
  check_that(first >= tokens, "fill_table_row", "runs", std::to_string(first) + " tokens",
             "at least " + std::to_string(tokens));
  words[0] = tokens;
}

void cache_append_(at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& cos,
                   const at::Tensor& sin, const DeviceTable& table, std::int64_t layer) {
  const char* op = "cache_append_";
  check_table(op, q, table);
  const std::int64_t rows = q.size(0), width = q.size(2);
  check_that(width % 2 == 0, op, "q", to_string(q.sizes().vec()), "heads of even width");
  check_shape(op, "k", k, {rows, kAny, width});
  check_shape(op, "v", v, {rows, k.size(1), width});
  check_shape(op, "cos", cos, {rows, width / 2});
  check_shape(op, "sin", sin, {rows, width / 2});
  check_that(k.size(1) > 0 && q.size(1) % k.size(1) == 0, op, "q",
             std::to_string(q.size(1)) + " heads", "a multiple of " + std::to_string(k.size(1)));
  check_rows(op, "k", k, q);
  check_rows(op, "v", v, q);
  check_rows(op, "cos", cos, q);
  check_rows(op, "sin", sin, q);
  if (q.numel() == 0) return;
  const CacheAppend args{.q = q.mutable_data_ptr(),
                         .k = k.const_data_ptr(),
                         .v = v.const_data_ptr(),
                         .cos = cos.const_data_ptr(),
                         .sin = sin.const_data_ptr(),
                         .table = table_of(table),
                         .rows = rows,
                         .kv_heads = k.size(1),
                         .group = q.size(1) / k.size(1),
                         .head_dim = width,
                         .layer = layer,
                         .packed = table.packed};
  VEGA_LAUNCH(vega_cuda_cache_append, q.device(), element_of(q), args);
}

at::Tensor cache_attention(const at::Tensor& q, std::int64_t kv_heads, const DeviceTable& table,
                           std::int64_t layer) {
  const char* op = "cache_attention";
  check_table(op, q, table);
  const std::int64_t rows = q.size(0), heads = q.size(1), width = q.size(2);
  check_that(kv_heads > 0 && heads % kv_heads == 0, op, "q", std::to_string(heads) + " heads",
             "a multiple of the " + std::to_string(kv_heads) + " key heads");
  check_that(width <= CacheAttention::kWidest, op, "q",
             "heads of " + std::to_string(width) + " channels",
             "at most " + std::to_string(CacheAttention::kWidest));
  check_that(table.most_tokens > 0, op, "most_tokens", std::to_string(table.most_tokens),
             "at least 1");
  at::Tensor out = at::empty({rows, heads * width}, q.options());
  if (out.numel() == 0) return out;
  const std::int64_t blocks =
      (table.most_tokens + CacheAttention::kBlock - 1) / CacheAttention::kBlock;
  at::Tensor partials = at::empty({rows, heads, blocks, width + 2}, q.options().dtype(at::kFloat));
  const CacheAttention args{.q = q.const_data_ptr(),
                            .out = out.mutable_data_ptr(),
                            .partials = partials.mutable_data_ptr<float>(),
                            .table = table_of(table),
                            .rows = rows,
                            .kv_heads = kv_heads,
                            .group = heads / kv_heads,
                            .head_dim = width,
                            .layer = layer,
                            .most_blocks = blocks,
                            .scale = static_cast<float>(1 / std::sqrt(double(width))),
                            .packed = table.packed};
  VEGA_LAUNCH(vega_cuda_cache_attention, q.device(), element_of(q), args);
  return out;
}

}  // namespace vega::kernels
