// `vega-eval profile`: what an answer costs on this machine, beside the paper's figures.
#pragma once

#include <string_view>

#include "evaluate/profile_options.h"
#include "run/run.h"
#include "run/verb.h"

namespace vega::evaluate {

// published: the text of data/published/profiling.csv.
// Throws UsageError, InputError (the checkpoint, files that do not belong to it), OutputError,
// DeviceError, Stopped.
int run_profile(const ProfileVerb& options, std::string_view published, const Context& context);

Verb profile_verb(std::string_view published);

}  // namespace vega::evaluate
