#include "kernels/row_attention.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "kernels/decoder_entry.h"
#include "kernels/dispatch.h"
#include "kernels/share_steps.h"

namespace vega::kernels {
namespace {

constexpr const char* kRowAttention = "row_attention";

void check_run(const at::Tensor& q, const at::Tensor& like, const char* name,
               const at::Tensor& tensor) {
  check_shape(kRowAttention, name, tensor, {like.size(0), like.size(1), q.size(2)});
  check_dtype(kRowAttention, name, tensor, {q.scalar_type()});
  check_device(kRowAttention, name, tensor, q.device());
  const bool rows = tensor.stride(2) == 1 && tensor.stride(1) == q.size(2);
  check_that(rows && tensor.stride(0) == like.stride(0), kRowAttention, name,
             "strides " + to_string(tensor.strides().vec()), "tokens one behind the other");
}

// Throws where the arguments do not fit each other; the runs as plain pointers.
std::vector<KeyRun> check_runs(const at::Tensor& q, std::span<const KeyValues> runs) {
  std::vector<KeyRun> out;
  for (const KeyValues& run : runs) {
    check_shape(kRowAttention, "keys", run.keys, {runs[0].keys.size(0), kAny, q.size(2)});
    check_run(q, run.keys, "keys", run.keys);
    check_run(q, run.keys, "values", run.values);
    out.push_back({run.keys.const_data_ptr(), run.values.const_data_ptr(), run.keys.size(1),
                   run.keys.stride(0)});
  }
  return out;
}

}  // namespace

at::Tensor row_attention(const at::Tensor& q, std::span<const KeyValues> runs) {
  const char* op = kRowAttention;
  check_shape(op, "q", q, {kAny, kAny, kAny});
  check_dtype(op, "q", q, {at::kFloat, at::kBFloat16});
  check_device(op, "q", q, at::kCPU);
  check_contiguous(op, "q", q);
  check_that(!runs.empty(), op, "runs", "none", "at least one");
  const auto held = check_runs(q, runs);
  const std::int64_t heads = runs[0].keys.size(0), rows = q.size(0);
  check_that(heads > 0 && q.size(1) % heads == 0, op, "q", std::to_string(q.size(1)) + " heads",
             "a multiple of the " + std::to_string(heads) + " key heads");
  std::int64_t tokens = 0;
  for (const KeyRun& run : held) tokens += run.length;
  check_that(tokens >= rows, op, "runs", std::to_string(tokens) + " tokens",
             "at least the " + std::to_string(rows) + " queries");
  at::Tensor out = at::empty({rows, q.size(1) * q.size(2)}, q.options());
  if (out.numel() == 0) return out;
  const RowAttention args{.q = q.const_data_ptr(),
                          .out = out.mutable_data_ptr(),
                          .runs = held.data(),
                          .run_count = static_cast<std::int64_t>(held.size()),
                          .rows = rows,
                          .past = tokens - rows,
                          .kv_heads = heads,
                          .group = q.size(1) / heads,
                          .head_dim = q.size(2),
                          .scale = static_cast<float>(1 / std::sqrt(double(q.size(2))))};
  const std::int64_t blocks = args.blocks(), size = args.partial_size();
  at::Tensor partials = at::empty({heads, blocks, size}, at::kFloat);
  float* data = partials.mutable_data_ptr<float>();
  const Element element = element_of(q);
  share_steps(heads * blocks, [&](std::int64_t n) {
    cpu::row_attention(element, args, n / blocks, n % blocks, data + n * size);
  });
  for (std::int64_t head = 0; head < heads; ++head)
    cpu::row_attention_merge(element, args, head, data + head * blocks * size);
  return out;
}

}  // namespace vega::kernels
