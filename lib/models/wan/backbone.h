// Wan2.1-T2V as a backbone: VAE encoder, flow-matching noise, DiT up to the tapped blocks, pooling.
#pragma once

#include "models/backbone.h"

namespace vega::wan {

// Opens the checkpoint (headers only) and the prompt. Throws InputError, FormatError, UsageError.
std::unique_ptr<Backbone> make_wan(const BackboneOptions& options);

}  // namespace vega::wan
