// Sizes of a Qwen2 decoder, as config.json states them.
#pragma once

#include <array>
#include <cstdint>

namespace vega::qwen2 {

// Nothing here has a default that could stand for a value that config.json lacks.
struct Config {
  std::int64_t hidden = 0;  // H, width of the residual stream
  std::int64_t layers = 0;
  std::int64_t heads = 0;     // of queries
  std::int64_t kv_heads = 0;  // of keys and values; divides heads
  std::int64_t head_dim = 0;  // even
  std::int64_t mlp = 0;
  std::int64_t vocab = 0;          // rows of the embedding and of the head
  std::int64_t max_positions = 0;  // what the model was trained for; 0: not stated
  double norm_eps = 0;
  double rope_theta = 0;
  // Pairs of a head that turn by each of the three position components, summing to head_dim / 2;
  // zeros: one component (nn/rope.h).
  std::array<std::int64_t, 3> rope_sections{};
  bool tied = false;  // the head is the embedding

  bool three_components() const { return rope_sections[0] + rope_sections[1] > 0; }
};

}  // namespace vega::qwen2
