// Values that stand in for those of a leaf, which lie elsewhere.
#pragma once

#include <ATen/core/Tensor.h>

namespace vega {

// `values` as a tensor whose gradient goes to `leaf`, in the leaf's type. Equal shapes; the leaf's
// own values are never read. Without gradients, or where the leaf requires none: the values.
at::Tensor standing_for(const at::Tensor& leaf, const at::Tensor& values);

}  // namespace vega
