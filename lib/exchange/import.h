// `vega-extract import`: arrays of other programs in, features/TAG/KEY.h5 out.
#pragma once

#include "exchange/export.h"

namespace vega::exchange {

// Every input on its own: written, complete already (equal input), or failed. A folder is one scene
// whose files are its taps. Throws UsageError before any output: an option that is missing and that
// the file does not say itself.
RunResult run_import(const ImportOptions& options, const Context& context);

// `vega-extract import`.
Verb import_verb();

}  // namespace vega::exchange
