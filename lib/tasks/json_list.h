// A JSON list, element by element: a broken element costs only itself.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace vega::tasks {

// Gives the text of each element, without blanks around it, and its place from 0. The elements are
// not parsed. Throws FormatError that names `where` and expects `what`: the text is no list, or
// ends before the list does.
void each_element(std::string_view text, const std::string& where, const std::string& what,
                  const std::function<void(std::size_t index, std::string_view element)>& use);

// The same of the members of an object: their names and the texts of their values.
void each_member(std::string_view text, const std::string& where, const std::string& what,
                 const std::function<void(const std::string& name, std::string_view value)>& use);

inline constexpr std::size_t kMostElementBytes = std::size_t{8} << 20;

// The JSON of an element. Escapes of half a surrogate pair, which Python writes, become U+FFFD and
// are added to `repaired`. Throws FormatError that begins with "record": over kMostElementBytes,
// not UTF-8, NaN or Infinity, no JSON.
Json parse_element(std::string_view element, std::size_t& repaired);

// The member `name` of an element that parse_element refuses, as far as it can be read: for
// messages. Else null.
Json member_of_broken(std::string_view element, std::string_view name);

}  // namespace vega::tasks
