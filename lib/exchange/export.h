// `vega-extract export`: features/TAG/KEY.h5 in, files that other programs load out.
#pragma once

#include <functional>
#include <string>

#include "base/run.h"
#include "exchange/options.h"

namespace vega::exchange {

// Prints a line of the manifest.
using Manifest = std::function<void(const std::string& key, const std::string& path)>;

// Every file on its own: written, complete already (equal), or failed (refused: other content is
// there). With several taps a line of the manifest names the scene's folder. Throws UsageError
// before any work.
RunResult run_export(const ExportOptions& options, const Manifest& manifest);

}  // namespace vega::exchange
