// Pictures cut into the patches that a SigLIP tower reads.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/siglip/config.h"

namespace vega::siglip {

// pixels (N, 3, H, W), H and W at least grid * patch -> (N, grid * grid, 3 * patch * patch):
// numbers of a patch in the order channel, row, column; patches row by row. Rows and columns beyond
// the last whole patch are left out, as a convolution without padding does.
at::Tensor patches_of(const at::Tensor& pixels, const Config& config);

}  // namespace vega::siglip
