// Which fusion a set of tensors is.
#pragma once

#include <optional>
#include <string>

#include "fusion/fusion.h"
#include "fusion/parameters.h"

namespace vega::fusion {

// Method, form, width and number of blocks from names and shapes below the module's prefix; heads
// and dropout keep their defaults, the width of `weighted` stays 0 (it has scalars only). Nothing
// for an empty map. Throws FormatError when the tensors are of no known method; `where` is the file
// or folder and the prefix.
std::optional<FusionConfig> fusion_config_of(const ParameterViews& views, const std::string& where);

// Throws FormatError unless `views` are exactly those of `specs`: missing, unknown, misshapen, or
// of a type other than f32, f16, bf16.
void check_views(const std::vector<ParameterSpec>& specs, const ParameterViews& views,
                 const std::string& where);

}  // namespace vega::fusion
