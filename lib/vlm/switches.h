// Where the released forward pass distorts numbers in silence, and what is done instead: one named
// switch each.
#pragma once

#include "base/json.h"
#include "fusion/align.h"
#include "geometry/points.h"
#include "run/option_groups.h"
#include "text/tokenizer.h"

namespace vega::vlm {

// Defaults: the released forward pass (`--compat reference`).
struct Switches {
  // bf16: coordinates and boxes are rounded before everything else, so that a third of the voxel
  // indices beyond 1 m are one off.
  GeometryType geometry = GeometryType::kBf16;
  // keep: pixels without depth are points at the camera's centre, in averages and box tests.
  ZeroDepth zero_depth = ZeroDepth::kKeep;
  // reference: cell i of both streams is fused, though the generative view may be a crop.
  AlignMode align = AlignMode::kReference;
  // false: object features, the grounding head and its scores are in the model's type; in bfloat16
  // equal scores are common.
  bool f32_head = false;
  // kTokens: control words within the text of a user or an annotation become control ids.
  text::Control control_words = text::Control::kTokens;
  // false: the spatial instruction is in the prompts of training only.
  bool spatial_instruction = false;
  // true: a prompt that is longer than tokenizer_model_max_length loses its end, with a warning.
  // false: it is refused.
  bool cut_prompts = true;
  // false: objects are means of the semantic tokens before fusion where the mode is patch14.
  bool fused_objects = false;

  bool operator==(const Switches&) const = default;
};

Switches switches_of(Compat compat);

// By name, for run.json.
Json to_json(const Switches& switches);

}  // namespace vega::vlm
