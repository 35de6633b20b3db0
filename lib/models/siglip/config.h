// Sizes of a SigLIP vision tower, as config.json states them or the tensors' shapes imply them.
#pragma once

#include <cstdint>

namespace vega::siglip {

// Defaults: google/siglip-so400m-patch14-384.
struct Config {
  std::int64_t width = 1152;
  std::int64_t heads = 16;
  std::int64_t mlp = 4304;
  std::int64_t layers = 26;  // that run: the released tower has 27 and drops the last
  std::int64_t patch = 14;   // pixels
  std::int64_t grid = 27;    // patches a side; what is beyond grid * patch pixels is never seen
  double eps = 1e-6;

  std::int64_t head_dim() const { return width / heads; }
  std::int64_t tokens() const { return grid * grid; }
};

inline constexpr std::int64_t kImageSide = 384;    // pixels a side of what the backbone is given
inline constexpr std::int64_t kFileLayers = 27;    // of the checkpoint from Hugging Face
inline constexpr std::int64_t kHeadDim = 72;       // where no configuration states the heads
inline constexpr std::int64_t kPatchChannels = 3;  // red, green, blue

}  // namespace vega::siglip
