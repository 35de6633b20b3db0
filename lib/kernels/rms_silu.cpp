#include "kernels/rms_silu.h"

#include <ATen/ATen.h>

#include "kernels/dispatch.h"

namespace vega::kernels {
namespace {

void check_map(const char* op, const at::Tensor& x, const at::Tensor& bias) {
  check_shape(op, "x", x, {kAny, kAny, kAny, kAny});
  check_dtype(op, "x", x, {at::kFloat, at::kBFloat16});
  check_channels_last(op, "x", x);
  if (bias.defined()) check_parameter(op, "bias", bias, {x.size(1)}, x.device());
}

void check(const char* op, const at::Tensor& x, const at::Tensor& scale, const at::Tensor& bias) {
  check_map(op, x, bias);
  check_parameter(op, "scale", scale, {x.size(1)}, x.device());
}

void check_other(const char* op, const at::Tensor& x, const at::Tensor& y) {
  check_shape(op, "y", y, {x.size(0), x.size(1), x.size(2), x.size(3)});
  check_dtype(op, "y", y, {x.scalar_type()});
  check_device(op, "y", y, x.device());
  check_channels_last(op, "y", y);
}

const float* numbers(const at::Tensor& bias) {
  return bias.defined() ? bias.const_data_ptr<float>() : nullptr;
}

void run(const at::Tensor& x, const at::Tensor* other, at::Tensor* sum, const at::Tensor& scale,
         bool silu, const at::Tensor& bias, at::Tensor& out) {
  if (x.numel() == 0) return;
  const RmsSilu args{x.const_data_ptr(),
                     other ? other->const_data_ptr() : nullptr,
                     numbers(bias),
                     sum ? sum->mutable_data_ptr() : nullptr,
                     scale.const_data_ptr<float>(),
                     out.mutable_data_ptr(),
                     x.numel() / x.size(1),
                     x.size(1),
                     silu};
  if (x.is_cuda())
    VEGA_LAUNCH(vega_cuda_rms_silu, x.device(), element_of(x), args);
  else
    cpu::rms_silu(element_of(x), args);
}

at::Tensor fresh_like(const at::Tensor& x) {
  return at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast);
}

}  // namespace

at::Tensor rms_silu(const at::Tensor& x, const at::Tensor& scale, bool silu,
                    const at::Tensor& bias) {
  check("rms_silu", x, scale, bias);
  at::Tensor out = fresh_like(x);
  run(x, nullptr, nullptr, scale, silu, bias, out);
  return out;
}

void rms_silu_(at::Tensor& x, const at::Tensor& scale, bool silu, const at::Tensor& bias) {
  check("rms_silu_", x, scale, bias);
  run(x, nullptr, nullptr, scale, silu, bias, x);
}

at::Tensor add_rms_silu_(at::Tensor& x, const at::Tensor& y, const at::Tensor& scale, bool silu,
                         const at::Tensor& bias) {
  check("add_rms_silu_", x, scale, bias);
  check_other("add_rms_silu_", x, y);
  at::Tensor out = fresh_like(x);
  run(x, &y, &x, scale, silu, bias, out);
  return out;
}

void norm_of_sum_(at::Tensor& x, const at::Tensor& y, const at::Tensor& scale, bool silu,
                  const at::Tensor& bias) {
  check("norm_of_sum_", x, scale, bias);
  check_other("norm_of_sum_", x, y);
  run(x, &y, nullptr, scale, silu, bias, x);
}

at::Tensor add_padded(const at::Tensor& x, const at::Tensor& y, const at::Tensor& bias) {
  check_map("add_padded", x, bias);
  check_other("add_padded", x, y);
  at::Tensor out = at::empty({x.size(0), x.size(1), x.size(2) + 1, x.size(3) + 1}, x.options(),
                             at::MemoryFormat::ChannelsLast);
  if (out.numel() == 0) return out;
  const AddPadded args{
      x.const_data_ptr(), y.const_data_ptr(), numbers(bias), out.mutable_data_ptr(),
      x.size(0),          x.size(2),          x.size(3),     x.size(1)};
  if (x.is_cuda())
    VEGA_LAUNCH(vega_cuda_add_padded, x.device(), element_of(x), args);
  else
    cpu::add_padded(element_of(x), args);
  return out;
}

}  // namespace vega::kernels
