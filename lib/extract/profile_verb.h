// `vega-extract profile`: where a backbone's time goes on this machine, by groups of operators.
#pragma once

#include "extract/options.h"
#include "run/verb.h"

namespace vega::extract {

// Features of made-up frames are computed as `vega-extract features` would, after a round that is
// not counted: on the CPU by --threads workers of one thread each, on a device in batches. Prints a
// table; writes it to -o as JSON (schema vega.operators/1). Throws UsageError, InputError,
// FormatError, DeviceError, OutputError.
RunResult run_profile(const ProfileOptions& options, const Context& context);

// `vega-extract profile`.
Verb profile_verb();

}  // namespace vega::extract
