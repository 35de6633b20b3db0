// Sizes of a Qwen2.5-VL model, as config.json states them.
#pragma once

#include <cstdint>
#include <vector>

#include "models/qwen2/config.h"

namespace vega::qwen2_5_vl {

inline constexpr std::int64_t kPatch = 14;         // pixels a side of a patch
inline constexpr std::int64_t kMerge = 2;          // patches a side of a cell, which is one token
inline constexpr std::int64_t kTime = 2;           // pictures of a patch: one, given twice
inline constexpr std::int64_t kCell = 28;          // pixels a side of a cell
inline constexpr std::int64_t kCellPatches = 4;    // of a cell
inline constexpr std::int64_t kPatchValues = 588;  // of one picture: 3 * 14 * 14
inline constexpr double kVisionTheta = 10000;      // of the tower's rotary embedding
inline constexpr double kVisionEps = 1e-6;         // of its norms

// The vision tower.
struct VisionConfig {
  std::int64_t layers = 32;
  std::int64_t width = 0;
  std::int64_t heads = 16;
  std::int64_t mlp = 3420;
  std::int64_t out = 0;                                  // width of a token: the decoder's
  std::int64_t window_cells = 4;                         // cells a side of an attention window
  std::vector<std::int64_t> full_layers{7, 15, 23, 31};  // that see the whole picture

  std::int64_t head_dim() const { return width / heads; }
};

struct Config {
  qwen2::Config text;
  VisionConfig vision;
  // Ids within the prompt: a picture is its tokens between two marks.
  std::int64_t image_token = 0, vision_start = 0, vision_end = 0;
  // A generative branch stands beside the tower, as VEGA-3D's spatial-reasoning release has it
  // (use_generative_encoder): its modules are fusion/checkpoint.h, its settings fusion/spatial.h.
  bool generative = false;
};

}  // namespace vega::qwen2_5_vl
