// The executables: their verbs and help.
#pragma once

#include "cli/program.h"

namespace vega::cli {

Program extract_program();
Program eval_program();
Program fuse_program();
Program synth_program();

}  // namespace vega::cli
