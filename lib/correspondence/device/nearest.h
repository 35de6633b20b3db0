// Nearest neighbours by cosine on a device of LibTorch.
#pragma once

#include <c10/core/Device.h>

#include "correspondence/nearest.h"

namespace vega {

// As nearest_rows of correspondence/nearest.h, with float32 matrix products of LibTorch: cosines
// agree within float32 rounding, and of nearly equal neighbours another one may come first. Rows of
// a go in tiles, so that at most 512 MiB of the cosine matrix exist at a time.
// Throws DeviceError, DeviceMemoryError.
Nearest nearest_on(at::Device device, const float* a, std::int64_t n, const float* b,
                   std::int64_t m, std::int64_t channels);

}  // namespace vega
