// `vega-fuse tokens`: generative and semantic features in, projected and fused tokens out.
#pragma once

#include "fuse/options.h"
#include "run/verb.h"

namespace vega::fuse {

// One file a scene; lists, shards, resuming, failures and the manifest as of every stage. Throws
// UsageError before any work, ModelError (the checkpoint), OutputError, DeviceError.
RunResult run_tokens(const TokensOptions& options, const Context& context);

// `vega-fuse tokens`.
Verb tokens_verb();

}  // namespace vega::fuse
