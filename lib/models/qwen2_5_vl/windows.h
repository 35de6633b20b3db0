// Attention windows of Qwen2.5-VL's vision tower: which cells of a picture see each other.
#pragma once

#include <cstdint>
#include <vector>

namespace vega::qwen2_5_vl {

// Cells of a picture, gh rows of gw, tiled by windows of `side` cells a side from the top left;
// those at the right and at the bottom may be smaller. Windows of one size stand together, so that
// each group is one batch of attention. The order of windows does not matter to the tower, which
// restores that of the cells.
struct WindowOrder {
  // A run of windows of one size.
  struct Group {
    std::int64_t first = 0;    // place of its first cell
    std::int64_t windows = 0;  // how many
    std::int64_t cells = 0;    // of each
  };

  std::vector<std::int64_t> cell;   // by place: the number of the cell, row by row
  std::vector<std::int64_t> place;  // by cell: the inverse
  std::vector<Group> groups;        // at most four
};

// Throws InputError unless all three are at least 1.
// Source: huggingface/transformers modeling_qwen2_5_vl.py (get_window_index), whose empty windows
// are left out.
WindowOrder window_order(std::int64_t grid_h, std::int64_t grid_w, std::int64_t side);

}  // namespace vega::qwen2_5_vl
