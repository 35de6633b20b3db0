// The memory that a step takes on a GPU, tensor by tensor.
#pragma once

#include <cstdint>
#include <optional>

#include "base/dtype.h"
#include "geometry/grid.h"
#include "media/image.h"
#include "models/wan/config.h"

namespace vega::wan {

// What a step is given and gives.
struct Step {
  ImageSize size;
  DType compute = DType::kBF16;
  std::int64_t frames = 1;
  std::int64_t taps = 1;          // blocks that are tapped
  std::optional<Grid> pool;       // nothing: every token
  std::int64_t prompt_rows = 1;   // that are not padding
  bool fp8_feed_forward = false;  // Dit::Options
  bool encodes = true;            // false: the VAE's result is there already
};

// Bytes of the tensors that live at the worst moment of VaeEncoder::encode and Dit::forward, frames
// and noise on the device included, weights and what cuDNN and cuBLAS take for themselves not.
// Within 5 % of the allocator's peak (tests/device/memory_test.cpp).
double step_bytes(const VaeConfig& vae, const DitConfig& dit, const Step& step);

}  // namespace vega::wan
