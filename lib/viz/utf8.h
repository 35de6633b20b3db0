// Characters of UTF-8 text, as far as pictures and tables need them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vega {

// The character that starts at byte `i` < text.size(); `i` moves behind it. A byte that starts no
// whole character counts as one character with the byte's value.
std::uint32_t next_character(std::string_view text, std::size_t& i);

}  // namespace vega
