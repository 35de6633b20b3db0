#include "kernels/decoder_rows.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/decoder_entry.h"
#include "kernels/dispatch.h"
#include "kernels/share_steps.h"

namespace vega::kernels {
namespace {

constexpr std::int64_t kPieceValues = 1 << 14;  // what a thread takes at a time

std::int64_t piece_of(std::int64_t width) {
  return std::max<std::int64_t>(1, kPieceValues / std::max<std::int64_t>(1, width));
}

// `other` has x's type and device, and lies in C order.
void check_like(const char* op, const char* name, const at::Tensor& other, const at::Tensor& x) {
  check_dtype(op, name, other, {x.scalar_type()});
  check_device(op, name, other, x.device());
  check_contiguous(op, name, other);
}

void check_norm(const char* op, const at::Tensor& x, const at::Tensor& weight) {
  check_shape(op, "x", x, {kAny, kAny});
  check_dtype(op, "x", x, {at::kFloat, at::kBFloat16});
  check_contiguous(op, "x", x);
  check_shape(op, "weight", weight, {x.size(1)});
  check_like(op, "weight", weight, x);
}

at::Tensor norm(at::Tensor x, const void* y, const at::Tensor& weight, double eps) {
  at::Tensor out = at::empty(x.sizes(), x.options());
  if (x.numel() == 0) return out;
  void* data = x.mutable_data_ptr();
  void* to = out.mutable_data_ptr();
  if (x.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_rms_norm, x.device(), element_of(x), data, y, weight.const_data_ptr(), to,
                x.size(0), x.size(1), static_cast<float>(eps));
    return out;
  }
  share_rows(x.size(0), piece_of(x.size(1)), [&](std::int64_t first, std::int64_t last) {
    cpu::rms_norm(element_of(x), data, y, weight.const_data_ptr(), to, x.size(1),
                  static_cast<float>(eps), first, last);
  });
  return out;
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  check_norm("rms_norm", x, weight);
  return norm(x, nullptr, weight, eps);
}

at::Tensor add_rms_norm_(at::Tensor& x, const at::Tensor& y, const at::Tensor& weight, double eps) {
  const char* op = "add_rms_norm_";
  check_norm(op, x, weight);
  check_shape(op, "y", y, {x.size(0), x.size(1)});
  check_like(op, "y", y, x);
  return norm(x, y.const_data_ptr(), weight, eps);
}

void rope_(at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const char* op = "rope_";
  check_shape(op, "x", x, {kAny, kAny, kAny});
  check_dtype(op, "x", x, {at::kFloat, at::kBFloat16});
  const std::int64_t rows = x.size(0), heads = x.size(1), width = x.size(2);
  check_that(width % 2 == 0 && x.stride(2) == 1 && (heads < 2 || x.stride(1) == width), op, "x",
             to_string(x.sizes().vec()) + " with strides " + to_string(x.strides().vec()),
             "heads of even width, one behind the other");
  for (const auto* table : {&cos, &sin}) {
    const char* name = table == &cos ? "cos" : "sin";
    check_shape(op, name, *table, {rows, width / 2});
    check_like(op, name, *table, x);
  }
  if (x.numel() == 0) return;
  if (x.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_rope, x.device(), element_of(x), x.mutable_data_ptr(),
                cos.const_data_ptr(), sin.const_data_ptr(), rows, heads, width, x.stride(0));
    return;
  }
  void* data = x.mutable_data_ptr();
  share_rows(rows, piece_of(heads * width), [&](std::int64_t first, std::int64_t last) {
    cpu::rope(element_of(x), data, cos.const_data_ptr(), sin.const_data_ptr(), heads, width,
              x.stride(0), first, last);
  });
}

void swiglu_(at::Tensor& gate, const at::Tensor& up) {
  const char* op = "swiglu_";
  check_dtype(op, "gate", gate, {at::kFloat, at::kBFloat16});
  check_contiguous(op, "gate", gate);
  check_like(op, "up", up, gate);
  check_that(up.sizes() == gate.sizes(), op, "up", to_string(up.sizes().vec()),
             "the shape of gate, " + to_string(gate.sizes().vec()));
  if (gate.numel() == 0) return;
  if (gate.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_swiglu, gate.device(), element_of(gate), gate.mutable_data_ptr(),
                up.const_data_ptr(), gate.numel());
    return;
  }
  void* data = gate.mutable_data_ptr();
  share_rows(gate.numel(), kPieceValues, [&](std::int64_t first, std::int64_t last) {
    cpu::swiglu(element_of(gate), data, up.const_data_ptr(), first, last);
  });
}

}  // namespace vega::kernels
