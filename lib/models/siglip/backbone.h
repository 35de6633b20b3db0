// SigLIP's vision tower as a backbone: the semantic tokens, one grid a frame.
#pragma once

#include "models/backbone.h"

namespace vega::siglip {

// Opens the checkpoint (headers only). Throws InputError, FormatError, UsageError.
std::unique_ptr<Backbone> make_siglip(const BackboneOptions& options);

// What the tower is given of a view's pixels in [-1, 1], any shape, float32: a view of a 384x384
// picture comes by the way of the generative towers, (x + 1) / 2 and 2x - 1, which costs the last
// bit. Its values are 8-bit: what SigLIP's processor makes of them is restored exactly.
at::Tensor tower_pixels(const at::Tensor& pixels);

}  // namespace vega::siglip
