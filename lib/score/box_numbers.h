// Axis-aligned boxes out of JSON.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "metrics/boxes.h"

namespace vega::score {

// Six numbers, centre and full extents in metres; nine where the last three, angles, are 0. Throws
// FormatError that begins with `where`.
metrics::BoxNumbers box_of(const Json& value, const std::string& where);
// A list of such boxes.
std::vector<metrics::BoxNumbers> boxes_of(const Json& value, const std::string& where);

}  // namespace vega::score
