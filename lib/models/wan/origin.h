// Whether a transformer was trained, or holds the numbers that a network begins with.
#pragma once

#include <string>

#include "models/wan/config.h"
#include "nn/named_tensors.h"

namespace vega::wan {

// VEGA-3D's spatial-reasoning training reads Wan's weights and then draws every Linear and Conv3d
// of the transformer anew, by the way in which it loads its language model: biases 0, weights
// normal with deviation 0.02. Such a transformer is saved within the checkpoint, and is what the
// checkpoint was trained on.
struct DitOrigin {
  bool drawn = false;          // all biases are 0, and both deviations are those of a draw
  bool zero_biases = false;    // of all Linear layers and of the patches
  double first = 0, last = 0;  // deviation of the first and of the last block's self_attn.q.weight

  // "drawn, not trained (all biases are 0, weights spread 0.0200)", or "trained".
  std::string text() const;
};

// weights: those of dit_tensors(config); reads the biases and two matrices.
DitOrigin dit_origin(const WeightViews& weights, const DitConfig& config);

// Whether two transformers of one size have the same numbers, after rounding to bfloat16: compares
// one matrix of the first block and one of the last.
bool same_dit(const WeightViews& a, const WeightViews& b, const DitConfig& config);

}  // namespace vega::wan
