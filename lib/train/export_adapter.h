// What a step trained, as an adapter: in PEFT's layout or in LLaVA's.
#pragma once

#include <filesystem>

#include "train/export.h"
#include "vlm/checkpoint.h"

namespace vega::train {

// Writes the adapter of the step options.inputs names into `out`. checkpoint: that step, opened
// with its pairs apart. Throws InputError (no pairs; the base is not found or no whole model),
// OutputError.
void export_adapter(const ExportOptions& options, const vlm::VlmCheckpoint& checkpoint, DType dtype,
                    const std::filesystem::path& out);

}  // namespace vega::train
