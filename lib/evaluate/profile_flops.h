// Floating point operations of an answer's first token, by part. The rule: a multiplication and an
// addition count two; matrix products and convolutions only, as vega computes them (exact shortcuts
// of models/wan and models/siglip); attention counts the pairs that its mask leaves. Norms,
// softmax, activations, resizing and sines count nothing.
#pragma once

#include "fusion/fusion.h"
#include "fusion/projector.h"
#include "models/qwen2/config.h"

namespace vega::evaluate {

// Operations of each part; 0: the part does not run.
struct ProfileFlops {
  double tower = 0, vae = 0, dit = 0;
  double projectors = 0, fusion = 0;
  double decoder = 0, head = 0;  // head: the logits of one token

  double total() const { return tower + vae + dit + projectors + fusion + decoder + head; }
};

double projector_flops(const ProjectorConfig& config, double tokens);

// `frames` of 196 tokens; the question's vector of the instruction gate once.
double fusion_flops(const FusionConfig& config, double frames);

// Hidden state of the last token of a sequence that is read in two passes: `prefix` tokens (may be
// 0), then `rest` (at least 1). Only a pass's last token goes through the last layer's output
// product and feed-forward layer.
double decoder_flops(const qwen2::Config& config, double prefix, double rest);

// Logits of one token.
double head_flops(const qwen2::Config& config);

}  // namespace vega::evaluate
