// Texts from files that may be hostile, for messages.
#pragma once

#include <string>
#include <string_view>

namespace vega {

// Control bytes become '?'; a text of more than `most` bytes is cut and ends in "...".
std::string printable(std::string_view text, std::size_t most = 200);

// Characters that a reader does not see are written out: control bytes but for tabs and newlines as
// \x1b, blanks of other kinds, characters without width and marks of direction as \u00a0.
std::string visible(std::string_view text);

// A text of another program for a terminal: control bytes but for tabs and newlines become U+FFFD,
// all other characters stay.
std::string without_controls(std::string_view text);

}  // namespace vega
