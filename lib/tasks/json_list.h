// A JSON list, element by element: a broken element costs only itself.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace vega::tasks {

// Gives the text of each element, without blanks around it, and its place from 0. The elements are
// not parsed. Throws FormatError that names `where` and expects `what`: the text is no list, or
// ends before the list does.
void each_element(std::string_view text, const std::string& where, const std::string& what,
                  const std::function<void(std::size_t index, std::string_view element)>& use);

}  // namespace vega::tasks
