// What a backbone takes: for estimates before any weight is read.
#pragma once

namespace vega {

// Floating point operations count a multiplication and an addition as two.
struct Cost {
  double once_flops = 0;        // a frame, for what all passes share (the VAE)
  double pass_flops = 0;        // a frame, all passes over it together
  double weight_bytes = 0;      // on the device, in the compute type
  double activation_bytes = 0;  // a frame in flight, at its worst
};

}  // namespace vega
