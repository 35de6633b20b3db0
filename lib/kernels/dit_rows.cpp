#include "kernels/dit_rows.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "core/check.h"
#include "kernels/dispatch.h"
#include "kernels/dit_rows_entry.h"

namespace vega::kernels {
namespace {

constexpr std::int64_t kDitGrain = 1 << 14;  // values that a thread takes at least

void check_part(const char* op, const char* name, const at::Tensor& tensor,
                std::initializer_list<std::int64_t> shape, at::ScalarType type) {
  check_device(op, name, tensor, at::kCPU);
  check_shape(op, name, tensor, shape);
  check_dtype(op, name, tensor, {type});
  check_contiguous(op, name, tensor);
}

cpu::DitRows rows_of_clips(const at::Tensor& x) { return {x.size(0), x.size(1), x.size(2)}; }

template <typename Body>
void over_chunks(const cpu::DitRows& rows, const Body& body) {
  const std::int64_t values = cpu::kDitChunk * std::max<std::int64_t>(1, rows.width);
  at::parallel_for(0, rows.chunks(), std::max<std::int64_t>(1, kDitGrain / values), body);
}

// (tables, chunks, width) -> the sums over the chunks of each clip, (tables, clips, width).
at::Tensor sums_of_clips(const at::Tensor& sums, const cpu::DitRows& rows) {
  return sums.view({sums.size(0), rows.clips, rows.chunks_of_clip(), rows.width}).sum(2);
}

const float* floats_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

const void* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr() : nullptr;
}

}  // namespace

DitNormed dit_norm(const at::Tensor& x, const at::Tensor& y, const at::Tensor& gate,
                   const at::Tensor& shift, const at::Tensor& scale, double eps,
                   at::ScalarType type) {
  const char* op = "dit_norm";
  check_part(op, "x", x, {kAny, kAny, kAny}, at::kFloat);
  check_out_type(op, type);
  const cpu::DitRows rows = rows_of_clips(x);
  DitNormed made{.sum = x, .out = {}, .statistics = {}};
  if (y.defined()) {
    check_part(op, "y", y, {rows.clips, rows.tokens, rows.width}, type);
    check_part(op, "gate", gate, {rows.clips, rows.width}, at::kFloat);
    made.sum = at::empty_like(x);
  }
  if (shift.defined()) {
    check_part(op, "shift", shift, {rows.clips, rows.width}, at::kFloat);
    check_part(op, "scale", scale, {rows.clips, rows.width}, at::kFloat);
    made.out = at::empty(x.sizes(), x.options().dtype(type));
    made.statistics = at::empty({rows.clips * rows.tokens, 2}, x.options());
  }
  const cpu::DitNorm args{
      .rows = rows,
      .x = x.const_data_ptr<float>(),
      .shift = floats_or_null(shift),
      .scale = floats_or_null(scale),
      .y = data_or_null(y),
      .gate = floats_or_null(gate),
      .sum = y.defined() ? made.sum.mutable_data_ptr<float>() : nullptr,
      .out = shift.defined() ? made.out.mutable_data_ptr() : nullptr,
      .statistics = shift.defined() ? made.statistics.mutable_data_ptr<float>() : nullptr,
      .eps = static_cast<float>(eps)};
  over_chunks(rows, [&](std::int64_t first, std::int64_t last) {
    cpu::dit_norm(element_of(type), args, first, last);
  });
  return made;
}

DitNormGradients dit_norm_backward(const at::Tensor& d_sum, const at::Tensor& d_out,
                                   const at::Tensor& normed, const at::Tensor& statistics,
                                   const at::Tensor& y, const at::Tensor& gate,
                                   const at::Tensor& scale) {
  const char* op = "dit_norm_backward";
  check_part(op, "normed", normed, {kAny, kAny, kAny}, at::kFloat);
  const cpu::DitRows rows = rows_of_clips(normed);
  check_that(d_sum.defined() || d_out.defined(), op, "gradients", "none", "one of them at least");
  const at::ScalarType type = y.defined() ? y.scalar_type() : d_out.scalar_type();
  check_out_type(op, type);
  if (d_sum.defined())
    check_part(op, "d_sum", d_sum, {rows.clips, rows.tokens, rows.width}, at::kFloat);
  if (d_out.defined()) {
    check_part(op, "d_out", d_out, {rows.clips, rows.tokens, rows.width}, type);
    check_part(op, "scale", scale, {rows.clips, rows.width}, at::kFloat);
    check_part(op, "statistics", statistics, {rows.clips * rows.tokens, 2}, at::kFloat);
  }
  DitNormGradients made{.dx = d_sum, .dy = {}, .d_gate = {}, .d_shift = {}, .d_scale = {}};
  if (d_out.defined()) made.dx = at::empty_like(normed);
  if (y.defined()) {
    check_part(op, "y", y, {rows.clips, rows.tokens, rows.width}, type);
    check_part(op, "gate", gate, {rows.clips, rows.width}, at::kFloat);
    made.dy = at::empty_like(y);
  }
  const at::Tensor sums = at::empty({3, rows.chunks(), rows.width}, normed.options());
  const cpu::DitNormBackward args{
      .rows = rows,
      .d_out = data_or_null(d_out),
      .d_sum = floats_or_null(d_sum),
      .normed = normed.const_data_ptr<float>(),
      .scale = floats_or_null(scale),
      .statistics = floats_or_null(statistics),
      .y = data_or_null(y),
      .gate = floats_or_null(gate),
      .dx = d_out.defined() ? made.dx.mutable_data_ptr<float>() : nullptr,
      .dy = y.defined() ? made.dy.mutable_data_ptr() : nullptr,
      .sums = sums.mutable_data_ptr<float>()};
  over_chunks(rows, [&](std::int64_t first, std::int64_t last) {
    cpu::dit_norm_backward(element_of(type), args, first, last);
  });
  const at::Tensor whole = sums_of_clips(sums, rows);
  if (d_out.defined()) made.d_shift = whole[0], made.d_scale = whole[1];
  if (y.defined()) made.d_gate = whole[2];
  return made;
}

namespace {

cpu::DitHeads heads_arguments(const char* op, const at::Tensor& qkv, const at::Tensor& norm_q,
                              const at::Tensor& norm_k, const at::Tensor& rope, std::int64_t heads,
                              double eps) {
  check_shape(op, "qkv", qkv, {kAny, kAny, kAny});
  check_part(op, "qkv", qkv, {kAny, kAny, kAny}, qkv.scalar_type());
  check_dtype(op, "qkv", qkv, {at::kFloat, at::kBFloat16});
  const cpu::DitRows rows{qkv.size(0), qkv.size(1), qkv.size(2) / 3};
  check_that(heads > 0 && qkv.size(2) % (6 * heads) == 0, op, "qkv",
             std::to_string(qkv.size(2)) + " columns, " + std::to_string(heads) + " heads",
             "three times the width, of which every head has an even share");
  check_part(op, "norm_q", norm_q, {rows.width}, at::kFloat);
  check_part(op, "norm_k", norm_k, {rows.width}, at::kFloat);
  check_part(op, "rope", rope, {rows.tokens, rows.width / heads / 2, 2}, at::kFloat);
  return {.rows = rows,
          .heads = heads,
          .qkv = qkv.const_data_ptr(),
          .norm_q = norm_q.const_data_ptr<float>(),
          .norm_k = norm_k.const_data_ptr<float>(),
          .rope = rope.const_data_ptr<float>(),
          .out = nullptr,
          .eps = static_cast<float>(eps)};
}

}  // namespace

at::Tensor dit_heads(const at::Tensor& qkv, const at::Tensor& norm_q, const at::Tensor& norm_k,
                     const at::Tensor& rope, std::int64_t heads, double eps) {
  cpu::DitHeads args = heads_arguments("dit_heads", qkv, norm_q, norm_k, rope, heads, eps);
  at::Tensor out = at::empty({3, args.rows.clips, heads, args.rows.tokens, args.rows.width / heads},
                             qkv.options());
  args.out = out.mutable_data_ptr();
  over_chunks(args.rows, [&](std::int64_t first, std::int64_t last) {
    cpu::dit_heads(element_of(qkv), args, first, last);
  });
  return out;
}

DitHeadsGradients dit_heads_backward(const at::Tensor& d_q, const at::Tensor& d_k,
                                     const at::Tensor& d_v, const at::Tensor& qkv,
                                     const at::Tensor& norm_q, const at::Tensor& norm_k,
                                     const at::Tensor& rope, std::int64_t heads, double eps) {
  const char* op = "dit_heads_backward";
  const cpu::DitHeads in = heads_arguments(op, qkv, norm_q, norm_k, rope, heads, eps);
  for (const at::Tensor* part : {&d_q, &d_k, &d_v})
    check_part(op, "a gradient", *part,
               {in.rows.clips, heads, in.rows.tokens, in.rows.width / heads}, qkv.scalar_type());
  DitHeadsGradients made{.d_qkv = at::empty_like(qkv), .d_norm_q = {}, .d_norm_k = {}};
  const at::Tensor sums =
      at::empty({2, in.rows.chunks(), in.rows.width}, qkv.options().dtype(at::kFloat));
  const cpu::DitHeadsBackward args{.in = in,
                                   .d_q = d_q.const_data_ptr(),
                                   .d_k = d_k.const_data_ptr(),
                                   .d_v = d_v.const_data_ptr(),
                                   .d_qkv = made.d_qkv.mutable_data_ptr(),
                                   .sums = sums.mutable_data_ptr<float>()};
  over_chunks(in.rows, [&](std::int64_t first, std::int64_t last) {
    cpu::dit_heads_backward(element_of(qkv), args, first, last);
  });
  const at::Tensor whole = sums.sum(1);
  made.d_norm_q = whole[0], made.d_norm_k = whole[1];
  return made;
}

at::Tensor dit_gelu(const at::Tensor& x) {
  const char* op = "dit_gelu";
  check_device(op, "x", x, at::kCPU);
  check_dtype(op, "x", x, {at::kFloat, at::kBFloat16});
  check_contiguous(op, "x", x);
  at::Tensor out = at::empty_like(x);
  at::parallel_for(0, x.numel(), kDitGrain, [&](std::int64_t first, std::int64_t last) {
    cpu::dit_gelu(element_of(x), x.const_data_ptr(), out.mutable_data_ptr(), first, last);
  });
  return out;
}

at::Tensor dit_gelu_backward(const at::Tensor& dy, const at::Tensor& x) {
  const char* op = "dit_gelu_backward";
  check_device(op, "x", x, at::kCPU);
  check_dtype(op, "x", x, {at::kFloat, at::kBFloat16});
  check_contiguous(op, "x", x);
  check_contiguous(op, "dy", dy);
  check_dtype(op, "dy", dy, {x.scalar_type()});
  check_that(dy.sizes() == x.sizes(), op, "dy", "another shape", "that of x");
  at::Tensor dx = at::empty_like(x);
  at::parallel_for(0, x.numel(), kDitGrain, [&](std::int64_t first, std::int64_t last) {
    cpu::dit_gelu_backward(element_of(x), dy.const_data_ptr(), x.const_data_ptr(),
                           dx.mutable_data_ptr(), first, last);
  });
  return dx;
}

}  // namespace vega::kernels
