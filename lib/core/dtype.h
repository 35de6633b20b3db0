// vega::DType (files) <-> at::ScalarType (LibTorch).
#pragma once

#include <ATen/core/Tensor.h>

#include "base/dtype.h"

namespace vega {

at::ScalarType scalar_type(DType type);

// Throws InputError for types that files do not know (complex, quantised, fp8).
DType dtype_of(at::ScalarType type);

}  // namespace vega
