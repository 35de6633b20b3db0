// The door of every program: verbs, options, banner, exceptions to exit codes. It knows no room:
// tools/vega_*.cpp name the verbs. The only user of CLI11.
#pragma once

#include <string>
#include <vector>

#include "run/verb.h"

namespace vega::cli {

struct Program {
  std::string name, summary;
  std::vector<Verb> verbs;
};

// Parses, logs the banner, runs the verb, and turns exceptions into messages and exit codes
// (docs/formats.md).
int run(int argc, char** argv, const Program& program);

}  // namespace vega::cli
