// Operations and memory that a backbone needs. Dry runs use them before any weight is read.
#pragma once

namespace vega {

// Floating point operations count a multiplication and an addition as two.
struct Cost {
  double once_flops = 0;        // per frame, done once whatever the number of passes (Wan: the VAE)
  double pass_flops = 0;        // per frame, summed over all passes
  double weight_bytes = 0;      // on the device, in the compute type
  double activation_bytes = 0;  // the most that one frame takes while it is computed
};

}  // namespace vega
