// `vega-extract preview`: contact sheets of feature files.
#pragma once

#include "extract/options.h"
#include "run/verb.h"

namespace vega::extract {

// One PNG a file: source frames (thumbnails) above the PCA colours of their features, colours
// shared by the scene. With options.compare one PNG of all files.
RunResult run_preview(const PreviewOptions& options, const Context& context);

// `vega-extract preview`.
Verb preview_verb();

}  // namespace vega::extract
