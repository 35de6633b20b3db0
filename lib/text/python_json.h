// JSON of Python's json module, which other programs write and compare with: its layout, and what
// it writes although JSON does not have it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/json.h"

namespace vega::text {

// The bytes of json.dumps(value): ", " and ": " between members, ASCII alone, floats as repr()
// writes them (1e-05, 1.0, 1e+16).
std::string python_json(const Json& value);

// Python's repr() of a float: the fewest digits that read back as the same double.
std::string python_float(double value);

// Replaces each escape of half a surrogate pair ("\ud83d"), which Python writes and JSON does not
// have, by that of U+FFFD, and adds their number to `count`.
std::string with_whole_surrogates(std::string_view json, std::size_t& count);

// The first NaN, Infinity or -Infinity outside of texts, or an empty view.
std::string_view foreign_number(std::string_view json);

}  // namespace vega::text
