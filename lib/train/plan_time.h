// The time that a step of training takes: single modules of the model's widths run for a moment on
// the machine that plans, with made-up weights, and are scaled to the sizes of the run.
#pragma once

#include <string>

#include "fusion/checkpoint.h"
#include "nn/parameters.h"
#include "train/plan_memory.h"

namespace vega::train {

// Seconds, forward and backward pass together.
struct StepSpeed {
  double layer_token = 0, layer_square = 0;  // one layer: of a token, of a token's pair
  double pass_token = 0;                     // around the layers, of a token
  double frame = 0;                          // tower where it trains, and projectors, of a frame
  double logit = 0;                          // of one number of the logits
  double update = 0;                         // norm, clipping and AdamW, of a number that trains
  double operation = 0;                      // one, of networks that do not train

  double pass(const ModelSize& model, const PassSize& pass) const;  // of the decoder
  // Of what stands in front of it, once a scene and step; of a model that is shown pictures tower
  // and Wan, without merger and fusion.
  double scene(const ModelSize& model, const PassSize& pass) const;
};

// Takes a few seconds. modules: configurations of projectors and fusion; pass: a usual one of the
// run. Throws DeviceError.
StepSpeed measure_speed(const ModelSize& model, const FusionCheckpoint& modules,
                        const PassSize& pass, const Placement& placement);

// The same from floating point operations a second that someone states: matrix products and
// attention alone.
StepSpeed stated_speed(const ModelSize& model, double flops);

// "2.45 s", "12 min", "3.4 h".
std::string duration_text(double seconds);

}  // namespace vega::train
