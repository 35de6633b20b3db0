#include "kernels/attention.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/dispatch.h"

namespace vega::kernels {
namespace {

void check_one(const char* op, const char* name, const at::Tensor& tensor, const at::Tensor& like) {
  check_dtype(op, name, tensor, {at::kFloat, at::kBFloat16});
  check_dtype(op, name, tensor, {like.scalar_type()});
  check_device(op, name, tensor, like.device());
}

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return at::scaled_dot_product_attention(q, k, v, /*attn_mask=*/{}, /*dropout_p=*/0.0,
                                          /*is_causal=*/false, /*scale=*/1.0);
}

// Softmax of the scores (..., L), rounded once to the type.
at::Tensor softmax_rows(const at::Tensor& scores, at::TensorOptions options) {
  at::Tensor weights = at::empty(scores.sizes(), options);
  const std::int64_t width = scores.size(-1);
  VEGA_LAUNCH(vega_cuda_softmax_rows, scores.device(), element_of(weights),
              scores.const_data_ptr<float>(), weights.mutable_data_ptr(), scores.numel() / width,
              width);
  return weights;
}

// scores = q k^T in float32 (exact products of bf16, float32 sums). Every step has the same shape,
// so that cuBLAS takes the same way with all frames: the last one overlaps the one before.
at::Tensor wide_head_cuda(const at::Tensor& xhat, const at::Tensor& qprime, const at::Tensor& v,
                          std::int64_t score_bytes) {
  const std::int64_t count = xhat.size(0), length = xhat.size(1);
  const bool half = qprime.scalar_type() == at::kBFloat16;
  const auto [frames, rows] = score_steps(count, length, score_bytes);
  at::Tensor out = at::empty(v.sizes(), v.options());
  for (std::int64_t n = 0; n < count; n += frames) {
    const auto of_step = [frames = frames, from = std::min(n, count - frames)](
                             const at::Tensor& t) { return t.narrow(0, from, frames); };
    const at::Tensor keys = of_step(xhat).transpose(1, 2);
    for (std::int64_t row = 0; row < length; row += rows) {
      const std::int64_t from = std::min(row, length - rows);
      const at::Tensor queries = of_step(qprime).narrow(1, from, rows);
      const at::Tensor scores = half ? at::bmm(queries, keys, at::kFloat) : at::bmm(queries, keys);
      at::Tensor part = of_step(out).narrow(1, from, rows);
      at::bmm_out(part, softmax_rows(scores, v.options()), of_step(v));
    }
  }
  return out;
}

std::int64_t parts_of(std::int64_t whole, std::int64_t size) { return (whole + size - 1) / size; }

// The size of equal steps, between half of `most` and `most`, that overlap least; the largest such.
std::int64_t even_size(std::int64_t whole, std::int64_t most) {
  std::int64_t best = most;
  for (std::int64_t size = most; 2 * size > most; --size) {
    if (parts_of(whole, size) * size < parts_of(whole, best) * best) best = size;
  }
  return best;
}

}  // namespace

at::Tensor softmax_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const char* op = "softmax_attention";
  check_shape(op, "q", q, {kAny, kAny, kAny, kAny});
  const std::int64_t width = q.size(1) * q.size(3);
  check_shape(op, "k", k, {q.size(0), q.size(1), kAny, q.size(3)});
  check_shape(op, "v", v, {q.size(0), q.size(1), k.size(2), q.size(3)});
  check_one(op, "q", q, q);
  check_one(op, "k", k, q);
  check_one(op, "v", v, q);
  // Both fused kernels write (N, L, heads, hd) in memory already; then this is only a view.
  return attend(q, k, v).transpose(1, 2).reshape({q.size(0), q.size(2), width});
}

ScoreSteps score_steps(std::int64_t frames, std::int64_t length, std::int64_t score_bytes) {
  const std::int64_t row_bytes = 4 * length;
  const std::int64_t most = score_bytes / (row_bytes * length);
  if (most >= 1) return {even_size(frames, std::min(frames, most)), length};
  constexpr std::int64_t kTile = 128;  // rows of a product's tile
  const std::int64_t fitting = std::max(score_bytes / row_bytes / kTile * kTile, kTile);
  const std::int64_t parts = parts_of(length, std::min(fitting, length));
  return {1, std::min(parts_of(parts_of(length, parts), kTile) * kTile, length)};
}

double vae_attention_bytes(std::int64_t frames, std::int64_t length, at::ScalarType type,
                           std::int64_t score_bytes) {
  const auto [at_once, rows] = score_steps(frames, length, score_bytes);
  return static_cast<double>(at_once * rows * length) *
         static_cast<double>(4 + c10::elementSize(type));
}

at::Tensor vae_attention(const at::Tensor& xhat, const at::Tensor& qprime, const at::Tensor& v,
                         std::int64_t score_bytes) {
  const char* op = "vae_attention";
  check_shape(op, "xhat", xhat, {kAny, kAny, kAny});
  const auto frames = xhat.size(0);
  const auto length = xhat.size(1);
  const auto width = xhat.size(2);
  check_shape(op, "qprime", qprime, {frames, length, width});
  check_shape(op, "v", v, {frames, length, width});
  check_one(op, "xhat", xhat, xhat);
  check_one(op, "qprime", qprime, xhat);
  check_one(op, "v", v, xhat);
  for (const auto* tensor : {&xhat, &qprime, &v}) check_contiguous(op, "argument", *tensor);
  if (xhat.numel() == 0) return at::empty(v.sizes(), v.options());
  if (xhat.is_cuda()) return wide_head_cuda(xhat, qprime, v, score_bytes);
  // The CPU's fused kernel takes any head width and works in blocks.
  const at::Tensor out = attend(qprime.unsqueeze(1), xhat.unsqueeze(1), v.unsqueeze(1));
  return out.transpose(1, 2).reshape({frames, length, width});
}

}  // namespace vega::kernels
