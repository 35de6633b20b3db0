// The verbs of vega-synth.
#pragma once

#include <string>

#include "base/image_types.h"
#include "run/verb.h"

namespace vega::synth {

// `vega-synth model`: a checkpoint with seeded random weights.
Verb model_verb();

// `vega-synth scene`: a room and its scan.
Verb scene_verb();

// dataset_verb(): synth/dataset/dataset.h.

// "WxH", each side 16 to 8192.
ImageSize frame_size(const std::string& option, const std::string& text);

}  // namespace vega::synth
