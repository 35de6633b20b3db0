// Shapes of released language models, for counts that need no weights.
#pragma once

#include <cstdint>

#include "models/qwen2/config.h"

namespace vega::test {

// Qwen2 7B; VEGA-3D's checkpoints have 151649 rows of the embedding.
inline qwen2::Config qwen2_7b(std::int64_t vocab = 151649) {
  return {.hidden = 3584,
          .layers = 28,
          .heads = 28,
          .kv_heads = 4,
          .head_dim = 128,
          .mlp = 18944,
          .vocab = vocab};
}

}  // namespace vega::test
