// The null baseline: mean colour of each cell, 0..1, three channels.
#pragma once

#include "models/backbone.h"

namespace vega {

std::unique_ptr<Backbone> make_rgb(const BackboneOptions& options);

}  // namespace vega
