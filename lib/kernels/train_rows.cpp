#include "kernels/train_rows.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "kernels/dispatch.h"
#include "kernels/train_entry.h"

namespace vega::kernels {
namespace {

constexpr std::int64_t kGrain = 1 << 14;  // values that a thread takes at least

void check_rows(const char* op, std::initializer_list<const at::Tensor*> tensors) {
  const at::Tensor& like = **tensors.begin();
  check_dtype(op, "x", like, {at::kFloat, at::kBFloat16});
  for (const at::Tensor* tensor : tensors) {
    check_device(op, "an argument", *tensor, at::kCPU);
    check_dtype(op, "an argument", *tensor, {like.scalar_type()});
    check_contiguous(op, "an argument", *tensor);
    check_that(tensor->numel() == like.numel(), op, "an argument",
               std::to_string(tensor->numel()) + " elements", std::to_string(like.numel()));
  }
}

std::int64_t rows_of_grain(std::int64_t width) {
  return std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, width));
}

void check_keep(const char* op, const at::Tensor& x, const at::Tensor& keep) {
  check_dtype(op, "keep", keep, {at::kByte});
  check_that(keep.numel() == x.numel() && keep.is_contiguous(), op, "keep",
             std::to_string(keep.numel()) + " elements", std::to_string(x.numel()));
}

void apply(const at::Tensor& x, const at::Tensor& keep, double p, bool add, at::Tensor& out) {
  const auto scale = static_cast<float>(1 / (1 - p));
  at::parallel_for(0, x.numel(), kGrain, [&](std::int64_t first, std::int64_t last) {
    cpu::dropout_apply(element_of(x), x.const_data_ptr(), keep.const_data_ptr<std::uint8_t>(),
                       scale, add, out.mutable_data_ptr(), first, last);
  });
}

}  // namespace

at::Tensor rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                             double eps) {
  const char* op = "rms_norm_backward";
  check_shape(op, "x", x, {kAny, kAny});
  check_rows(op, {&dy, &x});
  check_shape(op, "weight", weight, {x.size(1)});
  check_dtype(op, "weight", weight, {x.scalar_type()});
  check_contiguous(op, "weight", weight);
  at::Tensor dx = at::empty_like(x);
  at::parallel_for(0, x.size(0), rows_of_grain(x.size(1)),
                   [&](std::int64_t first, std::int64_t last) {
                     cpu::rms_norm_backward(element_of(x), dy.const_data_ptr(), x.const_data_ptr(),
                                            weight.const_data_ptr(), dx.mutable_data_ptr(),
                                            x.size(1), static_cast<float>(eps), first, last);
                   });
  return dx;
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  check_rows("swiglu", {&gate, &up});
  at::Tensor out = at::empty_like(gate);
  at::parallel_for(0, gate.numel(), kGrain, [&](std::int64_t first, std::int64_t last) {
    cpu::swiglu_forward(element_of(gate), gate.const_data_ptr(), up.const_data_ptr(),
                        out.mutable_data_ptr(), first, last);
  });
  return out;
}

std::pair<at::Tensor, at::Tensor> swiglu_backward(const at::Tensor& dy, const at::Tensor& gate,
                                                  const at::Tensor& up) {
  check_rows("swiglu_backward", {&dy, &gate, &up});
  at::Tensor d_gate = at::empty_like(gate), d_up = at::empty_like(up);
  at::parallel_for(0, gate.numel(), kGrain, [&](std::int64_t first, std::int64_t last) {
    cpu::swiglu_backward(element_of(gate), dy.const_data_ptr(), gate.const_data_ptr(),
                         up.const_data_ptr(), d_gate.mutable_data_ptr(), d_up.mutable_data_ptr(),
                         first, last);
  });
  return {d_gate, d_up};
}

at::Tensor dropout_keep(std::int64_t count, double p, std::uint64_t seed, std::uint32_t step,
                        std::uint64_t hash) {
  check_that(count >= 0 && count / 4 <= 0xffffffffLL, "dropout_keep", "count",
             std::to_string(count), "less than 2^34");
  check_that(p >= 0 && p < 1, "dropout_keep", "p", std::to_string(p), "0 or more, less than 1");
  at::Tensor keep = at::empty({count}, at::kByte);
  // (word + 0.5) / 2^32 < p in integers; every step of this is exact.
  const double least = std::ceil(p * 0x1p32 - 0.5);
  const cpu::KeepWords words{.seed = seed,
                             .hash = hash,
                             .step = step,
                             .threshold = static_cast<std::uint32_t>(std::max(0.0, least))};
  at::parallel_for(0, (count + 3) / 4, kGrain / 4, [&](std::int64_t first, std::int64_t last) {
    cpu::dropout_keep(words, keep.mutable_data_ptr<std::uint8_t>(), 4 * first,
                      std::min(4 * last, count));
  });
  return keep;
}

at::Tensor dropout_apply(const at::Tensor& x, const at::Tensor& keep, double p) {
  check_rows("dropout_apply", {&x});
  check_keep("dropout_apply", x, keep);
  at::Tensor out = at::empty_like(x);
  apply(x, keep, p, /*add=*/false, out);
  return out;
}

void dropout_add_(at::Tensor& onto, const at::Tensor& x, const at::Tensor& keep, double p) {
  check_rows("dropout_add_", {&x, &onto});
  check_keep("dropout_add_", x, keep);
  apply(x, keep, p, /*add=*/true, onto);
}

void softmax_gradient_(at::Tensor& logits, const at::Tensor& targets, const at::Tensor& weights,
                       at::Tensor& entropies) {
  const char* op = "softmax_gradient_";
  check_shape(op, "logits", logits, {kAny, kAny});
  check_contiguous(op, "logits", logits);
  const at::Tensor& sums = entropies;
  for (const at::Tensor* tensor : {&weights, &sums, &targets}) {
    check_shape(op, "an argument", *tensor, {logits.size(0)});
    check_contiguous(op, "an argument", *tensor);
    check_device(op, "an argument", *tensor, at::kCPU);
  }
  check_dtype(op, "logits", logits, {at::kFloat});
  check_dtype(op, "weights", weights, {at::kFloat});
  check_dtype(op, "entropies", entropies, {at::kFloat});
  check_dtype(op, "targets", targets, {at::kLong});
  check_device(op, "logits", logits, at::kCPU);
  at::parallel_for(
      0, logits.size(0), rows_of_grain(logits.size(1)), [&](std::int64_t first, std::int64_t last) {
        cpu::softmax_gradient(logits.mutable_data_ptr<float>(),
                              targets.const_data_ptr<std::int64_t>(),
                              weights.const_data_ptr<float>(), entropies.mutable_data_ptr<float>(),
                              logits.size(1), first, last);
      });
}

}  // namespace vega::kernels
