// The time that a step of training takes: single modules of the model's widths run for a moment on
// the machine that plans, with made-up weights, and are scaled to the sizes of the run.
#pragma once

#include "nn/parameters.h"
#include "train/plan_memory.h"

namespace vega::train {

// Seconds, forward and backward pass together.
struct StepSpeed {
  double layer_token = 0, layer_square = 0;  // one layer: of a token, of a token's pair
  double frame = 0;                          // projectors and fusion, of a frame
  double logit = 0;                          // of one number of the logits
  double update = 0;                         // norm, clipping and AdamW, of a number that trains

  double pass(const ModelSize& model, const PassSize& pass) const;  // of the decoder
};

// Takes a few seconds. tokens: length of the run's passes. Throws DeviceError.
StepSpeed measure_speed(const ModelSize& model, std::int64_t tokens, const Placement& placement);

// The same from floating point operations a second that someone states: matrix products and
// attention alone.
StepSpeed stated_speed(const ModelSize& model, double flops);

}  // namespace vega::train
