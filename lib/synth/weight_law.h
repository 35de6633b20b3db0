// The law of made-up weights: a value depends on the seed, the tensor's canonical name and the
// element's place alone. tests/golden/weights.py is the same law, written independently; the
// goldens rest on their agreement.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"

namespace vega::synth {

// Uniform values of this mean and standard deviation.
struct WeightLaw {
  double mean = 0, deviation = 0;
};

// `name` is prefixed with its network: "dit.", "vae.", "umt5.", "siglip.", "llava.", "vlm.",
// "qwen2_5_vl.", "spatial.", "drawn.", "study." or "prompt.". What is drawn has deviation 0.02, and
// biases 0. Models of the study start as PyTorch's layers do: matrices
// within 1 / sqrt(fan-in), embeddings of deviation 1, norms 1, biases 0. Norm weights lie around 1,
// those of the attention's q and k norms around 2 (so that cross-attention shows), matrices are
// scaled by their fan-in; a 3x3x3 kernel of the VAE by that of its last temporal slice, the only
// one a single frame meets.
WeightLaw weight_law(const std::string& name, const Shape& shape);

// Values [first, first + out.size()) of the tensor in C order of the original layout.
void fill_weights(std::uint64_t seed, const std::string& name, const Shape& shape,
                  std::int64_t first, std::span<float> out);

// Hands the whole tensor to `sink` in pieces of bounded size, rounded to f32, f16 or bf16.
void stream_weights(std::uint64_t seed, const std::string& name, const Shape& shape, DType dtype,
                    const std::function<void(std::span<const std::byte>)>& sink);

}  // namespace vega::synth
