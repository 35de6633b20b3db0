// The verbs of vega-synth.
#pragma once

#include "run/verb.h"

namespace vega::synth {

// `vega-synth model`: a checkpoint with seeded random weights.
Verb model_verb();

// `vega-synth scene`: a room and its scan.
Verb scene_verb();

// dataset_verb(): synth/dataset.h.

}  // namespace vega::synth
