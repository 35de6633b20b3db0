// The order in which people put names that hold numbers.
#pragma once

#include <string_view>

namespace vega {

// "a2" before "a10": whole numbers within texts count by their value. Names that differ in leading
// zeros alone go by their bytes.
bool natural_less(std::string_view a, std::string_view b);

}  // namespace vega
