// `vega-fuse tokens` with a checkpoint of VEGA-3D's spatial model: the tokens of Qwen2.5-VL's tower
// and Wan's features on their own grid become the tokens that its decoder reads.
#pragma once

#include <string>

#include "fuse/options.h"
#include "run/context.h"
#include "run/run.h"

namespace vega::fuse {

// Whether the checkpoint is of that release: the folder of a Qwen2.5-VL model whose config.json
// names a generative branch. Throws FormatError, InputError (config.json).
bool is_spatial_checkpoint(const std::string& checkpoint);

// One file of tokens a scene, (V, gh, gw, H), gh x gw the grid of the semantic features. Throws
// UsageError (options that belong to the main release: --scenes, --align pixel, --method, ...),
// InputError, FormatError, OutputError, DeviceError.
RunResult run_spatial_tokens(const TokensOptions& options, const Context& context);

}  // namespace vega::fuse
