// Tensor names and shapes of Wan2.1-T2V in both key layouts. The original repository's names are
// the canonical ones. Source: Wan-Video/Wan2.1 modules/{model,vae}.py, huggingface/diffusers
// transformer_wan.py, autoencoder_kl_wan.py (the aliases).
#pragma once

#include <vector>

#include "models/wan/config.h"
#include "nn/named_tensors.h"

namespace vega::wan {

// 27 tensors a block and 15 more, in the order of the original state dict.
std::vector<NamedTensor> dit_tensors(const DitConfig& config);

// 194 tensors: encoder, top-level convolutions, decoder (a loader checks and skips the decoder).
std::vector<NamedTensor> vae_tensors(const VaeConfig& config);

}  // namespace vega::wan
