// Options that mean nothing beside what else was asked for.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

namespace vega {

// Each option with whether it was given. Throws UsageError for the first one that was: with `got`,
// beside which it means nothing, and what is expected in its place.
void refuse_given(std::initializer_list<std::pair<bool, const char*>> options,
                  const std::string& got, const std::string& expected);

}  // namespace vega
