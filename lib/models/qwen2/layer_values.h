// Where a decoder that trains finds the values of layers that do not stay in memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace vega::qwen2 {

// Asked in the order of a pass: each layer, the head, and the layers again, from the last to the
// first, in the backward pass. What it gives is dropped when it has been used. Errors of these
// functions go through the decoder's.
class LayerValues {
 public:
  virtual ~LayerValues() = default;
  // The values of TrainDecoder::leaves() of a layer, in that order, of float32 or, matrices alone,
  // of the compute type. again: in the backward pass.
  virtual std::vector<at::Tensor> layer(std::int64_t n, bool again) = 0;
  virtual at::Tensor head() = 0;  // of the head's type
};

}  // namespace vega::qwen2
