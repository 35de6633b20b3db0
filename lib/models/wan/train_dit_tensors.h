// The tensors of Wan's transformer in training: which of them train, by which optimiser, and how
// they start.
#pragma once

#include <cstdint>
#include <string_view>

#include "models/wan/config.h"
#include "nn/parameters.h"
#include "nn/weight_table.h"

namespace vega::wan {

enum class DitRole {
  kText,    // text MLP, cross-attention and the norm before it: in place, silent, frozen
  kMatrix,  // q, k, v, o and both FFN matrices of a block: Muon's
  kOther    // biases, norms, modulations, patch and time embeddings, the head: AdamW's
};

// Of a canonical name of dit_tensors (models/wan/names.h).
DitRole dit_role(std::string_view name);

// All of dit_tensors(config) by canonical name, in that order, float32 on the CPU, as Wan starts a
// training: linears Xavier-uniform (the patch kernel as a matrix), text and time MLP normal of
// deviation 0.02, modulations normal of deviation 1 / sqrt(dim), norms 1, biases and the head
// matrix 0; and, so that the text parts are silent, the output matrices of cross-attention 0.
// A value depends on `seed`, the name and its place in the tensor only (nn/parameters.h, prefix
// "dit."). Source: Wan-Video/Wan2.1 modules/model.py, init_weights.
Parameters initial_dit(const DitConfig& config, std::uint64_t seed);

// A table for TrainDit of such values, by canonical name: tensors of kText are frozen and have the
// placement's type, all others are leaves that require a gradient, float32 (float64 where the
// placement has that). Every tensor has memory of its own.
WeightTable training_dit(const Parameters& values, const Placement& placement);

}  // namespace vega::wan
