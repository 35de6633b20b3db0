// `vega-extract scene`: posed depth frames and scans in, scenes/KEY.h5 out (schema vega.scene/1).
#pragma once

#include "extract/scene_options.h"
#include "run/verb.h"

namespace vega::extract {

// Every scene on its own: written, skipped (complete with the same key), or failed. One scene's
// InputError does not stop a list; OutputError does. Throws UsageError before any work.
RunResult run_scene(const SceneFileOptions& options, const Context& context);

// `vega-extract scene`.
Verb scene_verb();

}  // namespace vega::extract
