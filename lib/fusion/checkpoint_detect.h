// Which fusion a set of tensors is.
#pragma once

#include <optional>
#include <string>

#include "fusion/fusion.h"
#include "nn/parameters.h"

namespace vega::fusion {

// Method, form, width and number of blocks from names and shapes below the module's prefix; heads
// and dropout keep their defaults, the width of `weighted` stays 0 (it has scalars only). Nothing
// for an empty map. Throws FormatError when the tensors are of no known method; `where` is the file
// or folder and the prefix.
std::optional<FusionConfig> fusion_config_of(const WeightViews& views, const std::string& where);

}  // namespace vega::fusion
