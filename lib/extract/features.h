// `vega-extract features`: scenes in, features/TAG/KEY.h5 out.
#pragma once

#include "extract/options.h"
#include "run/verb.h"

namespace vega::extract {

// Every scene on its own: computed, skipped (complete with the same key), or failed. One scene's
// InputError does not stop a list; OutputError and DeviceError do. Throws UsageError before any
// work.
RunResult run_features(const FeatureOptions& options, const Context& context);

// `vega-extract features`.
Verb features_verb();

}  // namespace vega::extract
