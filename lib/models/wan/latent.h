// Statistics of the latents.
#pragma once

#include <array>

namespace vega::wan {

struct LatentStatistics {
  std::array<double, 16> mean{}, inverse_std{};
};

// Float32 values of the constants, or their bf16 roundings (what the release holds when it computes
// in bf16).
LatentStatistics latent_statistics(bool bf16);

}  // namespace vega::wan
