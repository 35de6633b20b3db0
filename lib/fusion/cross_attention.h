// Blocks in which the semantic tokens attend to the generative ones of the same frame.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fusion/fusion.h"
#include "fusion/pool.h"
#include "nn/parameters.h"

namespace vega::fusion {

// Fixed positions of a grid, float32 (cells, width): first half of the channels from the row,
// second half from the column, each [sin | cos] of position * 10000^(-k / (width / 4)). width is a
// multiple of 4.
at::Tensor sine_positions(Grid grid, std::int64_t width);

// Names and shapes of all blocks.
std::vector<ParameterSpec> cross_attention_specs(const FusionConfig& config);

// s, g (V, L, H) in the type of `values`, L = cells of the grid.
at::Tensor cross_attention(const FusionConfig& config, const Parameters& values,
                           const at::Tensor& s, const at::Tensor& g, Grid grid,
                           const FusionInputs& inputs);

}  // namespace vega::fusion
