#include "kernels/rms_silu.h"

#include <ATen/ATen.h>

#include "kernels/dispatch.h"

namespace vega::kernels {
namespace {

void check(const char* op, const at::Tensor& x, const at::Tensor& scale) {
  check_shape(op, "x", x, {kAny, kAny, kAny, kAny});
  check_dtype(op, "x", x, {at::kFloat, at::kBFloat16});
  check_channels_last(op, "x", x);
  check_parameter(op, "scale", scale, {x.size(1)}, x.device());
}

// `other` and `sum` come together or not at all; `out` may be `x`.
void run(const at::Tensor& x, const at::Tensor* other, at::Tensor* sum, const at::Tensor& scale,
         bool silu, at::Tensor& out) {
  if (x.numel() == 0) return;
  const std::int64_t channels = x.size(1);
  const std::int64_t rows = x.numel() / channels;
  const void* second = other ? other->const_data_ptr() : nullptr;
  void* sum_data = sum ? sum->mutable_data_ptr() : nullptr;
  const auto* scale_data = scale.const_data_ptr<float>();
  if (x.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_rms_silu, x.device(), element_of(x), x.const_data_ptr(), second, sum_data,
                scale_data, out.mutable_data_ptr(), rows, channels, silu);
  } else {
    cpu::rms_silu(element_of(x), x.const_data_ptr(), second, sum_data, scale_data,
                  out.mutable_data_ptr(), rows, channels, silu);
  }
}

at::Tensor fresh_like(const at::Tensor& x) {
  return at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast);
}

}  // namespace

at::Tensor rms_silu(const at::Tensor& x, const at::Tensor& scale, bool silu) {
  check("rms_silu", x, scale);
  at::Tensor out = fresh_like(x);
  run(x, nullptr, nullptr, scale, silu, out);
  return out;
}

void rms_silu_(at::Tensor& x, const at::Tensor& scale, bool silu) {
  check("rms_silu_", x, scale);
  run(x, nullptr, nullptr, scale, silu, x);
}

std::pair<at::Tensor, at::Tensor> add_rms_silu(const at::Tensor& x, const at::Tensor& y,
                                               const at::Tensor& scale, bool silu) {
  const char* op = "add_rms_silu";
  check(op, x, scale);
  check_shape(op, "y", y, {x.size(0), x.size(1), x.size(2), x.size(3)});
  check_dtype(op, "y", y, {x.scalar_type()});
  check_device(op, "y", y, x.device());
  check_channels_last(op, "y", y);
  at::Tensor sum = fresh_like(x);
  at::Tensor out = fresh_like(x);
  run(x, &y, &sum, scale, silu, out);
  return {std::move(sum), std::move(out)};
}

}  // namespace vega::kernels
