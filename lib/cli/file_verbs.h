// `inspect` and `verify`: the verbs that every executable has.
#pragma once

#include <vector>

#include "cli/program.h"

namespace vega::cli {

std::vector<Verb> file_verbs(const std::string& program);

}  // namespace vega::cli
