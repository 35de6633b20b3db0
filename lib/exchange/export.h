// `vega-extract export`: features/TAG/KEY.h5 in, files that other programs load out.
#pragma once

#include "exchange/options.h"
#include "run/verb.h"

namespace vega::exchange {

// Every file on its own: written, complete already (equal), or failed (refused: other content is
// there). With several taps a line of the manifest names the scene's folder. Throws UsageError
// before any work.
RunResult run_export(const ExportOptions& options, const Context& context);

// `vega-extract export`.
Verb export_verb();

}  // namespace vega::exchange
