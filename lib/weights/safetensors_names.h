// Names of element types in safetensors headers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/dtype.h"

namespace vega {

// "F32", "BF16", "BOOL", ...; nothing for an unknown name.
std::optional<DType> safetensors_dtype(std::string_view name);
std::string_view safetensors_dtype_name(DType type);

// All of them, comma separated, for messages.
std::string safetensors_dtype_names();

}  // namespace vega
