#include "models/op_groups.h"

#include "core/profile.h"
#include "kernels/linear.h"

namespace vega {

at::Tensor product(const char* group, const at::Tensor& x, const at::Tensor& weight,
                   const at::Tensor& bias) {
  return in_group(group, product_work(x, weight),
                  [&] { return kernels::linear_bf16(x, weight, bias); });
}

}  // namespace vega
