// Tensor names and shapes of Wan2.1-T2V in both key layouts. The original repository's names are
// the canonical ones. Source: Wan-Video/Wan2.1 modules/{model,vae}.py, huggingface/diffusers
// transformer_wan.py, autoencoder_kl_wan.py.
#pragma once

#include <string>
#include <vector>

#include "base/dtype.h"
#include "models/wan/config.h"

namespace vega::wan {

struct TensorSpec {
  std::string canonical;
  std::string diffusers;
  Shape shape;
};

// 27 tensors a block and 15 more, in the order of the original state dict.
std::vector<TensorSpec> dit_tensors(const DitConfig& config);

// 194 tensors: encoder, top-level convolutions, decoder (a loader checks and skips the decoder).
std::vector<TensorSpec> vae_tensors(const VaeConfig& config);

}  // namespace vega::wan
