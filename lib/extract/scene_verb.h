// `vega-extract scene`: posed depth frames and scans in, scenes/KEY.h5 out (schema vega.scene/1).
#pragma once

#include "extract/context.h"
#include "extract/scene_options.h"

namespace vega::extract {

// Every scene on its own: written, skipped (complete with the same key), or failed. One scene's
// InputError does not stop a list; OutputError does. Throws UsageError before any work.
Report run_scene(const SceneFileOptions& options, const Context& context);

}  // namespace vega::extract
