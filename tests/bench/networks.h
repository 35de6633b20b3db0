// Random weights in the shapes of Wan2.1-T2V-1.3B, with the first blocks only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "models/wan/config.h"

namespace vega::bench {

// Views on `storage`; not copyable, stays where it is.
struct RandomWeights {
  std::map<std::string, TensorView> dit, vae;
  std::vector<at::Tensor> storage;
  wan::DitConfig dit_config;  // layers = the blocks made
  wan::VaeConfig vae_config;
  at::Tensor prompt;  // (1, text_dim) float32
};

// Uniform values with the deviations of tests/golden/weights.py, from a fixed seed; the VAE's
// decoder is left out.
RandomWeights random_weights(std::int64_t blocks);

}  // namespace vega::bench
