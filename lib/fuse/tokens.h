// `vega-fuse tokens`: generative and semantic features in, projected and fused tokens out.
#pragma once

#include "base/context.h"
#include "base/run.h"
#include "fuse/options.h"

namespace vega::fuse {

// One file a scene; lists, shards, resuming, failures and the manifest as of every stage. Throws
// UsageError before any work, ModelError (the checkpoint), OutputError, DeviceError.
RunResult run_tokens(const TokensOptions& options, const Context& context);

}  // namespace vega::fuse
