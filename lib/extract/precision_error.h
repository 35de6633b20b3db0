// What --precision fp8 costs on a frame of the run, beside what bfloat16 costs there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "extract/feed.h"
#include "models/backbone.h"

namespace vega::extract {

// Relative distances |a - b| / |b| of a tap's features of one frame from those in float32.
struct TapError {
  std::string tap;
  double fp8 = 0, bf16 = 0;
};
struct PrecisionError {
  std::int64_t frame = -1;  // its id; -1: not measured
  std::vector<TapError> taps;

  std::string text() const;  // "b20_t300: fp8 0.0312, bf16 0.0087"
};

// Computes the first frame three times: with `backbone`, which is loaded, and with the same weights
// in bfloat16 and in float32, one network after the other, of which nothing stays. taps: those of
// the first pass over `wanted`. Throws what loading and computing throw.
PrecisionError measure_precision(const NetworkInput& input, Backbone& backbone,
                                 const std::vector<std::size_t>& wanted);

}  // namespace vega::extract
