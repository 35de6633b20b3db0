// Pictures cut into the patches that Qwen2.5-VL's vision tower reads.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>

#include "base/image_types.h"

namespace vega::qwen2_5_vl {

// What a pixel value in 0..1 becomes: (x - mean) / deviation, a channel each, in float32.
struct Normalization {
  std::array<float, 3> mean{0.48145466F, 0.4578275F, 0.40821073F};
  std::array<float, 3> deviation{0.26862954F, 0.26130258F, 0.27577711F};
};

// image (3, H, W), H and W multiples of kCell -> (H / 14 * W / 14, kPatchValues) float32: the
// numbers of a patch in the order channel, row, column; patches cell by cell, and row by row within
// a cell. The released files repeat each patch for a second picture of the same time, which the
// tower has folded into its weights. Throws InputError (size).
// Source: huggingface/transformers image_processing_qwen2_vl.py.
at::Tensor patches_of(const UnitImage& image, const Normalization& normalization);

// The same of N pictures of one size, (N, 3, H, W) float32 in 0..1: (N, H / 14 * W / 14,
// kPatchValues).
at::Tensor patches_of(const at::Tensor& pixels, const Normalization& normalization);

}  // namespace vega::qwen2_5_vl
