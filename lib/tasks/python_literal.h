// Values as Python writes them in source text: what released scorers read answers with.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"

namespace vega::tasks {

// The value of a line that is one literal, with a comment behind it or not: a dict with texts as
// keys, a list, a text in single or double quotes, a number, True, False (also true, false, as JSON
// has them), None (null). A comma may stand behind the last element; of two equal keys the last
// counts. Nothing: anything else, such as an expression, a tuple, or more behind the value; more
// than 16 open brackets.
std::optional<Json> python_literal(std::string_view text);

}  // namespace vega::tasks
