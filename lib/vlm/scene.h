// What a language model gets of one scene, out of the files that the stages wrote.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "geometry/points.h"
#include "store/features.h"
#include "store/scene_file.h"
#include "store/tokens_file.h"
#include "vlm/checkpoint.h"
#include "vlm/switches.h"

namespace vega::vlm {

// Complete files of one scene; null: there is none.
struct SceneFiles {
  const FeatureReader *semantic = nullptr, *generative = nullptr;
  const SceneReader* scene = nullptr;
  // Projected and fused tokens, which take the place of both features.
  const TokensReader* tokens = nullptr;
  std::string semantic_tap = {}, generative_tap = {};  // empty: the file's default tap
  ObjectKind objects = ObjectKind::kProposal;
  bool allow_mismatch = false;  // features of another kind than the checkpoint was trained on
  // The scene file's pictures in place of semantic features: for a vision tower in training.
  bool pixels = false;
};

// On the CPU, float32. Undefined: there is none. Features, or tokens in their place.
struct SceneInput {
  at::Tensor semantic;    // (V, 729, C)
  at::Tensor pixels;      // (V, 3, 384, 384), -1..1: the checkpoint's view of the frames
  at::Tensor generative;  // (V, 196, Cg)
  // (V, 196, H), before positions and newlines: fused_tokens, or what they are made of.
  at::Tensor semantic_tokens, generative_tokens, fused_tokens;
  // Of a model that is shown pictures, of one size: as its tower reads them, (V,
  // patches, 588), and as Wan does, (V, 3, height, width); undefined without a generative branch.
  // What either makes of them may be there in their place: semantic (V, rows, columns, H),
  // generative (V, h, w, Cg).
  at::Tensor patches, wan_pixels;
  std::string noise_key;                // of Wan's noise; empty: `key`
  std::array<std::int64_t, 2> grid{};   // rows and columns of tokens of each
  std::vector<std::int64_t> frame_ids;  // of each: the noise hangs on them
  at::Tensor uncovered;    // (V, 196) bool: cells that the generative view does not see
  at::Tensor points;       // (V * 196, points, 3) m
  std::vector<Box> boxes;  // N, m
  std::vector<std::int32_t> object_ids;    // N
  std::vector<std::string> object_labels;  // N; may be empty texts
  // Of the objects, by their mode: (N, V * 729) or (N, V * 196) of 0 and 1; or the means of their
  // tokens, (N, H), where those tokens are not there.
  at::Tensor selected, object_tokens;
  std::string no_objects = {};  // why there are none, where a file could have had them
  std::string key;              // of the scene
  std::string mismatch;         // what differs from training, where that was allowed
  bool trained = true;  // false: features meet modules, or tokens are of some, that never were

  bool has_tokens() const {
    return semantic_tokens.defined() || fused_tokens.defined() || generative_tokens.defined();
  }
  bool has_objects() const {
    return !boxes.empty() && (selected.defined() || object_tokens.defined());
  }
};

// Which cells objects are taken from.
ObjectMode object_mode(const VlmConfig& config, const Switches& switches);

// Reads what the checkpoint needs; features and tokens are 0 where its config.json says
// vega_zero_visual. Throws InputError: a file that it needs is missing (what is
// missing and what makes it); files that do not belong together; features of another block,
// timestep, shift, size, view than it was trained on, tokens of other modules (both values);
// FormatError.
SceneInput read_scene(const VlmCheckpoint& checkpoint, const SceneFiles& files,
                      const Switches& switches);

// Throws the InputError that read_scene would throw about the settings that the files were made
// with; reads their headers alone.
void check_recipe(const VlmCheckpoint& checkpoint, const SceneFiles& files,
                  const Switches& switches);

}  // namespace vega::vlm
