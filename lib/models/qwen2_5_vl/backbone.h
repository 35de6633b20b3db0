// Qwen2.5-VL's vision tower as a backbone: the semantic tokens of VEGA-3D's spatial model, one grid
// of cells a frame.
#pragma once

#include "models/backbone.h"

namespace vega::qwen2_5_vl {

// Opens the checkpoint (headers only). Throws InputError, FormatError, UsageError (a size that the
// checkpoint's bounds would change).
std::unique_ptr<Backbone> make_qwen_tower(const BackboneOptions& options);

}  // namespace vega::qwen2_5_vl
