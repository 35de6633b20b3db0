#include "models/siglip/patches.h"

#include <ATen/ATen.h>

namespace vega::siglip {

at::Tensor patches_of(const at::Tensor& pixels, const Config& config) {
  const std::int64_t n = pixels.size(0), g = config.grid, p = config.patch;
  return pixels.slice(2, 0, g * p)
      .slice(3, 0, g * p)
      .reshape({n, kPatchChannels, g, p, g, p})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({n, g * g, kPatchChannels * p * p});
}

}  // namespace vega::siglip
