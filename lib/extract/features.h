// `vega-extract features`: scenes in, features/TAG/KEY.h5 out.
#pragma once

#include "extract/feature_work.h"
#include "extract/options.h"
#include "run/verb.h"

namespace vega::extract {

// Every scene on its own: computed, skipped (complete with the same key), or failed. One scene's
// InputError does not stop a list; OutputError and DeviceError do. Throws UsageError before any
// work.
RunResult run_features(const FeatureOptions& options, const Context& context);

// What --dry-run does, with a recipe and a backbone that are made already.
RunResult dry_run_features(const ItemList& list, const RunOptions& how, FeatureRun& run,
                           const Context& context);

// `vega-extract features`.
Verb features_verb();

}  // namespace vega::extract
