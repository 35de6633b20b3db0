// Decoders of Qwen2's sizes with made-up weights, for the benchmarks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/qwen2/config.h"
#include "weights/safetensors_writer.h"

namespace vega::bench {

// Sizes of Qwen2 0.5B and 7B.
qwen2::Config half_b();
qwen2::Config seven_b();

// Ids of a prompt that both sides of a comparison can make up.
std::vector<std::int64_t> prompt_ids(std::int64_t tokens);

// float32 values for a tensor of a checkpoint, by its name: those of norms lie around 1, those of
// matrices keep the size of what goes through them.
at::Tensor made_up(const std::string& name, at::IntArrayRef shape);

// Writes values, in whatever type they are, as a tensor of that name and type.
void write_values(SafetensorsWriter& writer, const std::string& name, const at::Tensor& values,
                  at::ScalarType type);

// Writes config.json and model.safetensors of made-up weights, as transformers reads them; the
// latter has the first `layers` layers alone, 0: all.
void write_checkpoint(const std::filesystem::path& folder, const qwen2::Config& config,
                      at::ScalarType type, std::int64_t layers = 0);

}  // namespace vega::bench
