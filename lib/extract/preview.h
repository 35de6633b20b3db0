// `vega-extract preview`: contact sheets of feature files.
#pragma once

#include "extract/context.h"
#include "extract/options.h"

namespace vega::extract {

// One PNG a file: source frames (thumbnails) above the PCA colours of their features, colours
// shared by the scene.
Report run_preview(const PreviewOptions& options, const Context& context);

}  // namespace vega::extract
