#include "kernels/linear.h"

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>

#include <algorithm>
#include <memory>
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

at::Tensor by_one_dnn(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const auto offset = bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt;
  return one_dnn()->call(x, weight, offset, "none", c10::List<std::optional<at::Scalar>>(), "");
}

constexpr std::int64_t kBlockRows = 128;  // rows of x, and of weight
constexpr std::int64_t kFewRows = 16;     // fewer are not worth a float32 copy of the weight

// Rows of matrices as float32, which lie as those of the matrix do, in memory of its own: plans
// count tensors.
class FloatRows {
 public:
  explicit FloatRows(const at::Tensor& matrix)
      : matrix_(matrix),
        memory_(std::make_unique_for_overwrite<float[]>(
            static_cast<std::size_t>(std::min(kBlockRows, matrix.size(0)) * matrix.size(1)))) {}

  std::int64_t blocks() const { return (matrix_.size(0) + kBlockRows - 1) / kBlockRows; }
  static std::int64_t first(std::int64_t block) { return block * kBlockRows; }

  at::Tensor read(std::int64_t block) {
    const at::Tensor rows =
        matrix_.narrow(0, first(block), std::min(kBlockRows, matrix_.size(0) - first(block)));
    const bool turned = !matrix_.is_contiguous();
    at::Tensor out =
        at::from_blob(memory_.get(), turned ? rows.t().sizes() : rows.sizes(), at::kFloat);
    if (turned) out = out.t();
    return out.copy_(rows);
  }

 private:
  const at::Tensor& matrix_;
  std::unique_ptr<float[]> memory_;
};

// Products of bfloat16 are exact in float32; each sum is rounded once.
at::Tensor in_float_blocks(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  at::Tensor out = at::empty({x.size(0), weight.size(0)}, x.options());
  const at::Tensor offset = bias.defined() ? bias.to(at::kFloat) : bias;
  FloatRows left(x), right(weight);
  for (std::int64_t m = 0; m < left.blocks(); ++m) {
    const at::Tensor some = left.read(m);
    for (std::int64_t n = 0; n < right.blocks(); ++n) {
      const at::Tensor columns = right.read(n);
      const std::int64_t from = FloatRows::first(n), width = columns.size(0);
      const at::Tensor own = offset.defined() ? offset.narrow(0, from, width) : offset;
      out.narrow(0, FloatRows::first(m), some.size(0))
          .narrow(1, from, width)
          .copy_(by_one_dnn(some, columns, own));
    }
  }
  return out;
}

}  // namespace

bool multiplies_bf16() {
#if defined(__x86_64__)
  static const bool found = __builtin_cpu_supports("avx512bw") > 0 &&
                            __builtin_cpu_supports("avx512vl") > 0 &&
                            __builtin_cpu_supports("avx512dq") > 0;
  return found;
#else
  return true;
#endif
}

at::Tensor linear_bf16(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (!x.is_cpu() || x.scalar_type() != at::kBFloat16) return at::linear(x, weight, bias);
  auto shape = x.sizes().vec();
  shape.back() = weight.size(0);
  return linear(x.reshape({-1, x.size(-1)}), weight, bias).reshape(shape);
}

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
  if (x.is_cpu() && plain && one_dnn()) {
    if (x.scalar_type() == at::kFloat) return by_one_dnn(x, weight, bias);
    const bool few = x.size(0) < kFewRows && x.is_contiguous() && weight.is_contiguous();
    if (x.scalar_type() == at::kBFloat16 && !multiplies_bf16() && !few)
      return in_float_blocks(x, weight, bias);
  }
  return at::linear(x, weight, bias);
}

}  // namespace vega::kernels
