#include "kernels/row_attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "kernels/cache_step.h"
#include "kernels/decoder_entry.h"
#include "kernels/dispatch.h"
#include "kernels/share_steps.h"

namespace vega::kernels {
namespace {

constexpr const char* kRowAttention = "row_attention";
constexpr std::int64_t kMergesOfPiece = 4;  // heads whose blocks a thread adds at a time

void check_run(const at::Tensor& q, const at::Tensor& like, const char* name,
               const at::Tensor& tensor) {
  check_shape(kRowAttention, name, tensor, {like.size(0), like.size(1), q.size(2)});
  check_dtype(kRowAttention, name, tensor, {q.scalar_type()});
  check_device(kRowAttention, name, tensor, q.device());
  const bool rows = tensor.stride(2) == 1 && tensor.stride(1) == q.size(2);
  check_that(rows && tensor.stride(0) == like.stride(0), kRowAttention, name,
             "strides " + to_string(tensor.strides().vec()), "tokens one behind the other");
}

// Returns the runs as plain pointers. Throws InputError where they do not fit q or each other.
KeyRuns check_runs(const at::Tensor& q, std::span<const KeyValues> runs) {
  KeyRuns out;
  for (const KeyValues& run : runs) {
    check_shape(kRowAttention, "keys", run.keys, {runs[0].keys.size(0), kAny, q.size(2)});
    check_run(q, run.keys, "keys", run.keys);
    check_run(q, run.keys, "values", run.values);
    out.push_back({run.keys.const_data_ptr(), run.values.const_data_ptr(), run.keys.size(1),
                   run.keys.stride(0)});
  }
  return out;
}

void check_q(const at::Tensor& q, std::int64_t heads) {
  const char* op = kRowAttention;
  check_shape(op, "q", q, {kAny, kAny, kAny});
  check_dtype(op, "q", q, {at::kFloat, at::kBFloat16});
  check_contiguous(op, "q", q);
  check_that(heads > 0 && q.size(1) % heads == 0, op, "q", std::to_string(q.size(1)) + " heads",
             "a multiple of the " + std::to_string(heads) + " key heads");
}

std::int64_t tokens_of(const KeyRuns& runs) {
  std::int64_t tokens = 0;
  for (const KeyRun& run : runs) tokens += run.length;
  return tokens;
}

// Leading tokens of both that lie in the same memory.
std::int64_t common_tokens(const RowQuery& a, const RowQuery& b) {
  std::int64_t tokens = 0;
  for (std::int64_t n = 0; n < std::min(a.run_count, b.run_count); ++n) {
    const KeyRun &mine = a.runs[n], &theirs = b.runs[n];
    if (mine.keys != theirs.keys || mine.values != theirs.values ||
        mine.head_stride != theirs.head_stride)
      break;
    tokens += std::min(mine.length, theirs.length);
    if (mine.length != theirs.length) break;
  }
  return tokens;
}

struct Piece {
  std::int64_t head, block, first, count;
};

// The work of a thread at a time: a block and head of one query, or of neighbours whose tokens in
// it are the same.
std::vector<Piece> pieces_of(const RowAttention& args, std::int64_t count) {
  constexpr std::int64_t kBlock = RowQuery::kBlock;
  std::vector<Piece> out;
  for (std::int64_t first = 0, end = 0; first < count; first = end) {
    std::int64_t common = tokens_of(
        {args.queries[first].runs, args.queries[first].runs + args.queries[first].run_count});
    std::int64_t most = args.queries[first].seen;
    for (end = first + 1; end < count; ++end) {
      const std::int64_t same = common_tokens(args.queries[first], args.queries[end]);
      if (same < std::min(kBlock, most)) break;
      common = std::min(common, same);
      most = std::max(most, args.queries[end].seen);
    }
    for (std::int64_t block = 0; block * kBlock < most; ++block) {
      const bool shared = common >= std::min(most, (block + 1) * kBlock);
      const std::int64_t each = shared ? end - first : 1;
      for (std::int64_t n = first; n < end; n += each) {
        if (!shared && args.queries[n].blocks() <= block) continue;
        for (std::int64_t head = 0; head < args.kv_heads; ++head)
          out.push_back({head, block, n, each});
      }
    }
  }
  return out;
}

// queries: runs and numbers of tokens are given, the rest is filled in.
at::Tensor attend(const at::Tensor& q, std::int64_t kv_heads, std::vector<RowQuery>& queries) {
  const std::int64_t rows = q.size(0), width = q.size(1) * q.size(2);
  at::Tensor out = at::empty({rows, width}, q.options());
  if (out.numel() == 0) return out;
  const RowAttention args{.queries = queries.data(),
                          .kv_heads = kv_heads,
                          .group = q.size(1) / kv_heads,
                          .head_dim = q.size(2),
                          .scale = static_cast<float>(1 / std::sqrt(double(q.size(2))))};
  std::int64_t blocks = 0;
  for (const RowQuery& query : queries) blocks += query.blocks();
  at::Tensor partials = at::empty({blocks, kv_heads, args.partial_size()}, at::kFloat);
  auto* next = partials.mutable_data_ptr<float>();
  const auto* from = static_cast<const std::byte*>(q.const_data_ptr());
  auto* to = static_cast<std::byte*>(out.mutable_data_ptr());
  for (RowQuery& query : queries) {
    query.q = from;
    query.out = to;
    query.partials = next;
    from += width * q.element_size();
    to += width * q.element_size();
    next += query.blocks() * kv_heads * args.partial_size();
  }
  const Element element = element_of(q);
  const auto pieces = pieces_of(args, rows);
  share_steps(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t n) {
    const Piece& piece = pieces[static_cast<std::size_t>(n)];
    cpu::row_attention(element, args, piece.head, piece.block, piece.first, piece.count);
  });
  share_rows(rows * kv_heads, kMergesOfPiece, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n)
      cpu::row_attention_merge(element, args, n % kv_heads, n / kv_heads);
  });
  return out;
}

// Each query is a row of a table with the same runs.
at::Tensor on_cuda(const at::Tensor& q, std::int64_t kv_heads, const KeyRuns& runs,
                   std::int64_t tokens) {
  const std::int64_t rows = q.size(0), width = table_words(static_cast<std::int64_t>(runs.size()));
  at::Tensor words = at::zeros({rows, width}, at::kLong);
  for (std::int64_t n = 0; n < rows; ++n)
    fill_table_row(
        runs, tokens - rows + n + 1,
        {words.mutable_data_ptr<std::int64_t>() + n * width, static_cast<std::size_t>(width)});
  return cache_attention(q, kv_heads,
                         {.words = words.to(q.device()),
                          .most_tokens = std::max<std::int64_t>(tokens, 1),
                          .packed = is_packed(runs, q.element_size())},
                         0);
}

}  // namespace

at::Tensor row_attention(const at::Tensor& q, std::span<const KeyValues> runs) {
  check_that(!runs.empty(), kRowAttention, "runs", "none", "at least one");
  check_q(q, runs[0].keys.size(0));
  const KeyRuns held = check_runs(q, runs);
  const std::int64_t rows = q.size(0), tokens = tokens_of(held);
  check_that(tokens >= rows, kRowAttention, "runs", std::to_string(tokens) + " tokens",
             "at least the " + std::to_string(rows) + " queries");
  if (q.is_cuda()) return on_cuda(q, runs[0].keys.size(0), held, tokens);
  std::vector<RowQuery> queries;
  for (std::int64_t n = 0; n < rows; ++n)
    queries.push_back({.runs = held.data(),
                       .run_count = static_cast<std::int64_t>(held.size()),
                       .seen = tokens - rows + n + 1});
  return attend(q, runs[0].keys.size(0), queries);
}

at::Tensor row_attention(const at::Tensor& q, std::int64_t kv_heads,
                         std::span<const KeyRuns> sequences) {
  check_q(q, kv_heads);
  check_device(kRowAttention, "q", q, at::kCPU);
  check_that(q.size(0) == static_cast<std::int64_t>(sequences.size()), kRowAttention, "sequences",
             std::to_string(sequences.size()), std::to_string(q.size(0)) + ", one a query");
  std::vector<RowQuery> queries;
  for (const KeyRuns& runs : sequences) {
    queries.push_back({.runs = runs.data(),
                       .run_count = static_cast<std::int64_t>(runs.size()),
                       .seen = tokens_of(runs)});
    check_that(queries.back().seen > 0, kRowAttention, "sequences", "no token", "at least one");
  }
  return attend(q, kv_heads, queries);
}

}  // namespace vega::kernels
