// `vega-eval probe --dry-run`.
#pragma once

#include "evaluate/probe_recipe.h"
#include "run/context.h"
#include "run/run.h"

namespace vega::evaluate {

// Opens every file without reading depth or features, and prints what would be fitted and scored,
// and the memory of the sums. Scenes that lack something count as failed.
RunResult plan_probe(const ProbeRecipe& recipe, const RunOptions& options, const Context& context);

}  // namespace vega::evaluate
