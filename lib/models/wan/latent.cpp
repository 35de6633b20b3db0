#include "models/wan/latent.h"

#include "base/dtype.h"
#include "models/wan/config.h"

namespace vega::wan {

LatentStatistics latent_statistics(bool bf16) {
  const auto round = [bf16](float value) {
    return bf16 ? f32_from_bf16(bf16_from_f32(value)) : value;
  };
  LatentStatistics out;
  for (std::size_t i = 0; i < kLatentMean.size(); ++i) {
    out.mean[i] = round(static_cast<float>(kLatentMean[i]));
    // The release holds std in its own precision first: 1 / bf16(std), rounded again.
    const float deviation = round(static_cast<float>(kLatentStd[i]));
    out.inverse_std[i] = round(1.0F / deviation);
  }
  return out;
}

}  // namespace vega::wan
