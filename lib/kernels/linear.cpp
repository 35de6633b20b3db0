#include "kernels/linear.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>
#include <string_view>

#include "core/check.h"

namespace vega::kernels {
namespace {

using OneDnnLinear = at::Tensor(const at::Tensor&, const at::Tensor&,
                                const std::optional<at::Tensor>&, std::string_view,
                                c10::List<std::optional<at::Scalar>>,
                                std::optional<std::string_view>);

// oneDNN's product with a function behind it, which LibTorch gives by name only.
const std::optional<c10::TypedOperatorHandle<OneDnnLinear>>& one_dnn() {
  static const auto found = []() -> std::optional<c10::TypedOperatorHandle<OneDnnLinear>> {
    const auto schema = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!schema || !at::globalContext().userEnabledMkldnn() || !at::Context::hasMKLDNN())
      return std::nullopt;
    return schema->typed<OneDnnLinear>();
  }();
  return found;
}

// In C order, or the transpose of what is.
bool lies_plainly(const at::Tensor& matrix) {
  return matrix.is_contiguous() || matrix.t().is_contiguous();
}

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const char* op = "linear";
  check_shape(op, "x", x, {kAny, kAny});
  check_shape(op, "weight", weight, {kAny, x.size(1)});
  check_dtype(op, "weight", weight, {x.scalar_type()});
  check_device(op, "weight", weight, x.device());
  if (bias.defined()) {
    check_shape(op, "bias", bias, {weight.size(0)});
    check_dtype(op, "bias", bias, {x.scalar_type()});
    check_device(op, "bias", bias, x.device());
  }
  const bool plain = lies_plainly(x) && lies_plainly(weight) && x.numel() > 0;
  if (x.is_cpu() && x.scalar_type() == at::kFloat && plain && one_dnn()) {
    const auto other = bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt;
    return one_dnn()->call(x, weight, other, "none", c10::List<std::optional<at::Scalar>>(), "");
  }
  return at::linear(x, weight, bias);
}

}  // namespace vega::kernels
