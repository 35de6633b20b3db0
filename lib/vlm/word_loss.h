// The loss of words of one pass of the decoder.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>

#include "models/qwen2/train_decoder.h"
#include "vlm/train_model.h"
#include "vlm/train_sequence.h"

namespace vega::vlm {

// What all passes of a call share.
struct WordLossCall {
  const qwen2::TrainDecoder& decoder;
  at::ScalarType weights;  // type of the targets' weights
  std::span<const TrainSample> samples;
  std::span<const TrainPrompt> prompts;  // of each
  bool gradients = true;                 // false: every target counts the same
};

// The sum of weight x cross-entropy over all targets of words, undefined where there are none; the
// losses of the samples go to `result`. places: of the pass's samples in the call; hidden (L, H).
at::Tensor word_loss(const WordLossCall& call, const PackedPass& pass,
                     std::span<const std::size_t> places, const at::Tensor& hidden,
                     PassResult& result);

}  // namespace vega::vlm
