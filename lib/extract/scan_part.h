// Files that another room needs of a scan, made as `vega-extract scene` and `features` make them.
#pragma once

#include <filesystem>

#include "run/context.h"
#include "scene/scan_job.h"

namespace vega::extract {

// Returns the path of the file, which is written unless it is complete already. Prints nothing.
// Throws UsageError, InputError, OutputError, DeviceError as the verbs do.
std::filesystem::path make_scan_part(const ScanJob& job, const Context& context);

}  // namespace vega::extract
