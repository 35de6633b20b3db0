// The type of sums, norms and losses beside a compute type.
#pragma once

#include <c10/core/ScalarType.h>

namespace vega {

// float64 of float64 (tests), float32 of every other type.
constexpr c10::ScalarType wide_type(c10::ScalarType type) {
  return type == c10::ScalarType::Double ? type : c10::ScalarType::Float;
}

}  // namespace vega
