// Attention of kernels/dit_rows.h: a head at a time, so that its scores stay in the cache, its
// products by LibTorch.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "core/check.h"
#include "kernels/dispatch.h"
#include "kernels/dit_rows.h"
#include "kernels/dit_rows_entry.h"

namespace vega::kernels {
namespace {

// Queries whose scores are made at once in the forward pass.
constexpr std::int64_t kQueries = 384;

struct AttentionSizes {
  std::int64_t clips, heads, tokens, width;
  float scale() const { return static_cast<float>(1 / std::sqrt(static_cast<double>(width))); }
};

AttentionSizes check_attention(const char* op, const at::Tensor& q, const at::Tensor& k,
                               const at::Tensor& v) {
  check_shape(op, "q", q, {kAny, kAny, kAny, kAny});
  check_dtype(op, "q", q, {at::kFloat, at::kBFloat16});
  for (const at::Tensor* one : {&q, &k, &v}) {
    check_device(op, "q, k or v", *one, at::kCPU);
    check_shape(op, "q, k or v", *one, {q.size(0), q.size(1), q.size(2), q.size(3)});
    check_dtype(op, "q, k or v", *one, {q.scalar_type()});
    check_contiguous(op, "q, k or v", *one);
  }
  return {q.size(0), q.size(1), q.size(2), q.size(3)};
}

// body(head) for every head of every clip, without a graph.
template <typename Body>
void over_heads(const AttentionSizes& s, const Body& body) {
  at::parallel_for(0, s.clips * s.heads, 1, [&](std::int64_t first, std::int64_t last) {
    const c10::NoGradGuard no_gradients;
    for (std::int64_t head = first; head < last; ++head) body(head);
  });
}

at::Tensor by_head(const at::Tensor& x, const AttentionSizes& s) {
  return x.detach().view({s.clips * s.heads, s.tokens, s.width});
}

// The columns of one head in (N, L, heads width).
at::Tensor columns_of(const at::Tensor& out, const AttentionSizes& s, std::int64_t head) {
  return out.select(0, head / s.heads).narrow(1, head % s.heads * s.width, s.width);
}

}  // namespace

std::pair<at::Tensor, at::Tensor> dit_attention(const at::Tensor& q, const at::Tensor& k,
                                                const at::Tensor& v) {
  const AttentionSizes s = check_attention("dit_attention", q, k, v);
  const at::Tensor out = at::empty({s.clips, s.tokens, s.heads * s.width}, q.options());
  const at::Tensor logs = at::empty({s.clips * s.heads, s.tokens}, q.options().dtype(at::kFloat));
  const at::Tensor queries = by_head(q, s), keys = by_head(k, s), values = by_head(v, s);
  over_heads(s, [&](std::int64_t head) {
    const at::Tensor turned = keys[head].t(), value = values[head], to = columns_of(out, s, head);
    auto* log = logs.mutable_data_ptr<float>() + head * s.tokens;
    at::Tensor scores = at::empty({std::min(kQueries, s.tokens), s.tokens}, q.options());
    for (std::int64_t row = 0; row < s.tokens; row += kQueries) {
      const std::int64_t rows = std::min(kQueries, s.tokens - row);
      at::Tensor own = scores.narrow(0, 0, rows);
      at::mm_out(own, queries[head].narrow(0, row, rows), turned);
      cpu::dit_softmax(element_of(q), own.mutable_data_ptr(), log + row, /*known=*/false, rows,
                       s.tokens, s.scale());
      to.narrow(0, row, rows).copy_(at::mm(own, value));
    }
  });
  return {out, logs};
}

at::Tensor dit_attention_backward(const at::Tensor& d_out, const at::Tensor& out,
                                  const at::Tensor& logs, const at::Tensor& q, const at::Tensor& k,
                                  const at::Tensor& v) {
  const char* op = "dit_attention_backward";
  const AttentionSizes s = check_attention(op, q, k, v);
  for (const at::Tensor* one : {&d_out, &out}) {
    check_shape(op, "d_out or out", *one, {s.clips, s.tokens, s.heads * s.width});
    check_dtype(op, "d_out or out", *one, {q.scalar_type()});
    check_contiguous(op, "d_out or out", *one);
  }
  check_shape(op, "logs", logs, {s.clips * s.heads, s.tokens});
  const at::Tensor made = at::empty({3, s.clips * s.heads, s.tokens, s.width}, q.options());
  const at::Tensor queries = by_head(q, s), keys = by_head(k, s), values = by_head(v, s);
  const at::Tensor above = d_out.detach(), below = out.detach();
  over_heads(s, [&](std::int64_t head) {
    const at::Tensor query = queries[head], key = keys[head], value = values[head];
    const at::Tensor d = columns_of(above, s, head), dense = d.contiguous();
    std::vector<float> along(static_cast<std::size_t>(s.tokens));
    cpu::dit_row_products(element_of(q), d.const_data_ptr(),
                          columns_of(below, s, head).const_data_ptr(), along.data(), s.tokens,
                          s.width, s.heads * s.width);
    at::Tensor shares = at::mm(query, key.t());
    cpu::dit_softmax(element_of(q), shares.mutable_data_ptr(),
                     logs.mutable_data_ptr<float>() + head * s.tokens, /*known=*/true, s.tokens,
                     s.tokens, s.scale());
    at::Tensor slopes = at::mm(dense, value.t());
    cpu::dit_softmax_backward(element_of(q), shares.const_data_ptr(), slopes.mutable_data_ptr(),
                              along.data(), s.tokens, s.tokens, s.scale());
    at::Tensor d_query = made[0][head], d_key = made[1][head], d_value = made[2][head];
    at::mm_out(d_query, slopes, key);
    at::mm_out(d_key, slopes.t(), query);
    at::mm_out(d_value, shares.t(), dense);
  });
  return made.view({3, s.clips, s.heads, s.tokens, s.width});
}

}  // namespace vega::kernels
