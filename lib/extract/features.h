// `vega-extract features`: scenes in, features/TAG/KEY.h5 out.
#pragma once

#include "extract/context.h"
#include "extract/options.h"

namespace vega::extract {

// Every scene on its own: computed, skipped (complete with the same key), or failed. One scene's
// InputError does not stop a list; OutputError and DeviceError do. Throws UsageError before any
// work.
Report run_features(const FeatureOptions& options, const Context& context);

}  // namespace vega::extract
