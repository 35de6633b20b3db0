// The sequence that a language model reads: visual tokens with newline tokens, spliced into the
// text's embeddings, with labels and positions.
// Source: VEGA-3D, llava_arch.py (prepare_inputs_labels_for_multimodal).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/choice.h"

namespace vega::vlm {

inline constexpr std::int64_t kImageId = -200;  // stands for the visual block among the ids
inline constexpr std::int64_t kIgnoreLabel = -100;

// Where the learned newline token stands (mm_newline_position).
enum class Newlines { kGrid, kFrame, kOneToken, kNone };
inline constexpr Choice<Newlines> kNewlines[] = {{Newlines::kGrid, "grid"},
                                                 {Newlines::kFrame, "frame"},
                                                 {Newlines::kOneToken, "one_token"},
                                                 {Newlines::kNone, "no_token"}};

// tokens (V, cells, H) of a square grid, frame by frame and row by row.
//   grid       after each row of each frame   (V * g * (g + 1), H)
//   frame      after each frame               (V * (g * g + 1), H)
//   one_token  at the end                     (V * g * g + 1, H)
//   no_token   nowhere                        (V * g * g, H)
// newline (H), may be undefined for no_token. Throws InputError (shapes).
at::Tensor add_newlines(const at::Tensor& tokens, const at::Tensor& newline, Newlines where);

// Components of the rotary embedding: (3, L) int64. A token of the text has its index in the
// sequence three times; visual tokens have their voxels, newlines (0, 0, 0).
// voxels (V, cells, 3) as PositionEmbedding::voxels gives them; unknown ones count as 0.
at::Tensor rope_positions(std::int64_t before, const at::Tensor& voxels, std::int64_t after);

// What goes into the model.
struct Sequence {
  at::Tensor embeddings;             // (L, H)
  std::vector<std::int64_t> labels;  // (L), kIgnoreLabel at visual tokens; empty without labels
  std::int64_t image_first = -1, image_count = 0;  // the visual block; -1: there is none
};

// Puts the visual block (K, H) in the place of kImageId and cuts the end off at `most` tokens.
// ids (n); text (n, H): their embeddings, whatever stands at the place of kImageId; labels (n) or
// empty. Throws InputError: several kImageId; one, but no visual block; sizes.
Sequence splice(std::span<const std::int64_t> ids, const at::Tensor& text, const at::Tensor& visual,
                std::span<const std::int64_t> labels, std::int64_t most);

}  // namespace vega::vlm
