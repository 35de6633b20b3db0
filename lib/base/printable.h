// Texts from files that may be hostile, for messages.
#pragma once

#include <string>
#include <string_view>

namespace vega {

// Control bytes become '?'; a text of more than `most` bytes is cut and ends in "...".
std::string printable(std::string_view text, std::size_t most = 200);

}  // namespace vega
