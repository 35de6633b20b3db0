// Positions of a sequence of text and pictures: three components a token, for M-RoPE.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

namespace vega::qwen2_5_vl {

// Counts positions as a sequence is put together, from its beginning.
//   text     all three components are the next position
//   picture  of grid_h rows of grid_w tokens: the first component stays at the next position, the
//            second counts rows, the third columns from there; what follows begins one behind the
//            largest
// Source: huggingface/transformers modeling_qwen2_5_vl.py (get_rope_index), for pictures.
class PositionCounter {
 public:
  void text(std::int64_t tokens);
  void picture(std::int64_t grid_h, std::int64_t grid_w);

  std::int64_t next() const { return next_; }
  // Of all tokens since the last call, (3, L) int64; the count goes on.
  at::Tensor take();

 private:
  std::int64_t next_ = 0;
  std::array<std::vector<std::int64_t>, 3> rows_;
};

}  // namespace vega::qwen2_5_vl
