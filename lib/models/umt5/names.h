// Tensor names and shapes of the UMT5 text encoder in both key layouts.
// Source: Wan-Video/Wan2.1 modules/t5.py, huggingface/transformers modeling_umt5.py.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/named_tensors.h"

namespace vega::umt5 {

// Defaults: UMT5-XXL.
struct Config {
  std::int64_t dim = 4096;
  std::int64_t inner = 4096;  // heads x head width
  std::int64_t heads = 64;
  std::int64_t ffn = 10240;
  std::int64_t layers = 24;
  std::int64_t vocabulary = 256384;
  std::int64_t buckets = 32;
};

// Canonical: the original .pth; alias: transformers' UMT5EncoderModel.
std::vector<NamedTensor> tensors(const Config& config);

}  // namespace vega::umt5
