#include "kernels/fp8_rows.h"

#include <ATen/ATen.h>

#include "kernels/dispatch.h"
#include "kernels/fp8_entry.h"

namespace vega::kernels {
namespace {

void check_rows(std::string_view op, std::string_view name, const Fp8Rows& rows,
                at::Device device) {
  check_shape(op, name, rows.values, {kAny, kAny});
  check_dtype(op, name, rows.values, {at::kFloat8_e4m3fn});
  check_device(op, name, rows.values, device);
  check_contiguous(op, name, rows.values);
  check_parameter(op, "the scales", rows.scale, {rows.values.size(0), 1}, device);
}

}  // namespace

Fp8Rows fp8_rows(const at::Tensor& x, BeforeFp8 before) {
  const char* op = "fp8_rows";
  check_dtype(op, "x", x, {at::kFloat, at::kBFloat16});
  check_shape(op, "x", x, {kAny, kAny});
  check_contiguous(op, "x", x);
  Fp8Rows out{at::empty(x.sizes(), x.options().dtype(at::kFloat8_e4m3fn)),
              at::empty({x.size(0), 1}, x.options().dtype(at::kFloat))};
  if (x.numel() == 0) return out.scale.fill_(1), out;
  const Fp8RowsArgs args{x.const_data_ptr(),
                         static_cast<std::uint8_t*>(out.values.mutable_data_ptr()),
                         out.scale.mutable_data_ptr<float>(),
                         x.size(0),
                         x.size(1),
                         before == BeforeFp8::kGelu};
  if (x.is_cuda()) {
    VEGA_LAUNCH(vega_cuda_fp8_rows, x.device(), element_of(x), args);
  } else {
    cpu::fp8_rows(element_of(x), args);
  }
  return out;
}

at::Tensor linear_fp8(const Fp8Rows& x, const Fp8Rows& weight, const at::Tensor& bias) {
  const char* op = "linear_fp8";
  const at::Device device = x.values.device();
  check_rows(op, "x", x, device);
  check_rows(op, "weight", weight, device);
  check_shape(op, "weight", weight.values, {kAny, x.values.size(1)});
  check_shape(op, "bias", bias, {weight.values.size(0)});
  check_dtype(op, "bias", bias, {at::kBFloat16});
  check_device(op, "bias", bias, device);
  for (const std::int64_t side : {weight.values.size(0), weight.values.size(1)})
    check_that(side % 16 == 0, op, "weight", to_string(weight.values.sizes().vec()),
               "sides that are multiples of 16");
  if (x.values.size(0) == 0) return at::empty({0, bias.size(0)}, bias.options());
  if (device.is_cuda())
    return at::_scaled_mm(x.values, weight.values.t(), x.scale, weight.scale.t(), bias, {},
                          at::kBFloat16, /*use_fast_accum=*/true);
  const at::Tensor sums =
      at::matmul(x.values.to(at::kFloat), weight.values.to(at::kFloat).t()) * x.scale;
  return at::addcmul(bias.to(at::kFloat), sums, weight.scale.t()).to(at::kBFloat16);
}

}  // namespace vega::kernels
