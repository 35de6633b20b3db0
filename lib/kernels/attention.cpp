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

// Query rows at a time: float32 scores of at most 32 MiB stay in the L2 cache of large GPUs.
constexpr std::int64_t kScoreBytes = std::int64_t{32} << 20;

std::int64_t chunk_of(std::int64_t length) {
  const std::int64_t fitting = kScoreBytes / (length * 4) / 128 * 128;
  return std::clamp<std::int64_t>(fitting, 128, length < 128 ? 128 : length);
}

// scores = q k^T in float32 (exact products of bf16, float32 sums), softmax rounded once to q's
// type.
at::Tensor wide_head_cuda(const at::Tensor& xhat, const at::Tensor& qprime, const at::Tensor& v) {
  const std::int64_t length = xhat.size(1), chunk = chunk_of(length);
  const bool half = qprime.scalar_type() == at::kBFloat16;
  at::Tensor out = at::empty(v.sizes(), v.options());
  for (std::int64_t n = 0; n < xhat.size(0); ++n) {
    const at::Tensor keys = xhat[n].t();
    for (std::int64_t first = 0; first < length; first += chunk) {
      const std::int64_t rows = std::min(chunk, length - first);
      const at::Tensor queries = qprime[n].narrow(0, first, rows);
      const at::Tensor scores = half ? at::mm(queries, keys, at::kFloat) : at::mm(queries, keys);
      const at::Tensor weights = at::empty({rows, length}, v.options());
      VEGA_LAUNCH(vega_cuda_softmax_rows, v.device(), element_of(v), scores.const_data_ptr<float>(),
                  weights.mutable_data_ptr(), rows, length);
      at::Tensor part = out[n].narrow(0, first, rows);
      at::mm_out(part, weights, v[n]);
    }
  }
  return out;
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

double vae_attention_bytes(std::int64_t, std::int64_t length, at::ScalarType type) {
  const auto rows = static_cast<double>(std::min(chunk_of(length), length));
  // Of one chunk the weights, scores of it and of the next.
  return rows * static_cast<double>(length) * static_cast<double>(4 + c10::elementSize(type));
}

at::Tensor vae_attention(const at::Tensor& xhat, const at::Tensor& qprime, const at::Tensor& v) {
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
  if (xhat.is_cuda()) return wide_head_cuda(xhat, qprime, v);
  // The CPU's fused kernel takes any head width and works in blocks.
  const at::Tensor out = attend(qprime.unsqueeze(1), xhat.unsqueeze(1), v.unsqueeze(1));
  return out.transpose(1, 2).reshape({frames, length, width});
}

}  // namespace vega::kernels
