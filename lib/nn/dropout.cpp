#include "nn/dropout.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "base/error.h"
#include "base/philox.h"
#include "kernels/train_rows.h"

namespace vega {
namespace {

// Of as many elements as x has, on the CPU.
at::Tensor keep_of(const at::Tensor& x, double p, std::string_view place, const DropoutKey& key) {
  const std::int64_t count = x.numel();
  if (count / 4 > 0xffffffffLL) {
    throw InputError(explain("dropout at " + std::string(place),
                             std::to_string(count) + " elements", "less than 2^34",
                             "use fewer frames a step"));
  }
  return kernels::dropout_keep(count, p, key.seed, key.step,
                               fnv1a64(key.pass + std::string(place)));
}

bool has_dropout_kernels(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

}  // namespace

at::Tensor dropout_mask(const at::Tensor& x, double p, std::string_view place,
                        const DropoutKey& key) {
  const c10::NoGradGuard no_grad;
  const auto scale = static_cast<float>(1 / (1 - p));
  const at::Tensor keep = keep_of(x, p, place, key).view(x.sizes());
  return keep.to(x.device()).to(at::kFloat).mul_(scale).to(x.scalar_type());
}

at::Tensor dropout(const at::Tensor& x, double p, std::string_view place, const DropoutKey& key) {
  if (p == 0) return x;
  return x * dropout_mask(x, p, place, key);
}

at::Tensor kept_mask(const at::Tensor& x, double p, std::string_view place, const DropoutKey& key) {
  return has_dropout_kernels(x) ? keep_of(x, p, place, key) : dropout_mask(x, p, place, key);
}

at::Tensor masked(const at::Tensor& x, const at::Tensor& kept, double p) {
  return has_dropout_kernels(x) ? kernels::dropout_apply(x.contiguous(), kept, p) : x * kept;
}

void add_masked_(at::Tensor& onto, const at::Tensor& x, const at::Tensor& kept, double p) {
  if (has_dropout_kernels(x))
    kernels::dropout_add_(onto, x.contiguous(), kept, p);
  else
    onto.add_(x * kept);
}

}  // namespace vega
