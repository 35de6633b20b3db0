// bench_qwen2 on a GPU: reading a prompt beside the rate of matrix products, decoding beside the
// memory's bandwidth, with CUDA graphs and without.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/qwen2/config.h"

namespace vega::bench {

struct DevicePlan {
  at::Device device{at::kCUDA, 0};
  at::ScalarType type = at::kBFloat16;
  std::int64_t tokens = 6800, fresh = 64, rows = 1, repeat = 3;
  // The bars: least shares of the best rate of a layer's products, and of the time that reading
  // weights and cache once takes at the bandwidth of a copy. 0: no bar.
  double least_prefill = 0, least_decode = 0;
};

// Prints the figures, the bars in the last line. Returns whether both were reached and the tokens
// of both ways were equal.
bool measure_on_device(const DevicePlan& plan, const qwen2::Config& config);

}  // namespace vega::bench
