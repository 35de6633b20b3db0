// SigLIP's vision tower as a backbone: the semantic tokens, one grid a frame.
#pragma once

#include "models/backbone.h"

namespace vega::siglip {

// Opens the checkpoint (headers only). Throws InputError, FormatError, UsageError.
std::unique_ptr<Backbone> make_siglip(const BackboneOptions& options);

}  // namespace vega::siglip
