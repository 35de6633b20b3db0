// `inspect` and `verify`: the verbs that every program has.
#pragma once

#include <string>
#include <vector>

#include "run/verb.h"

namespace vega {

// program: its name, for the examples.
std::vector<Verb> file_verbs(const std::string& program);

}  // namespace vega
