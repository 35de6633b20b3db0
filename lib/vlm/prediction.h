// What a model found, in the form that benchmarks score.
#pragma once

#include "tasks/sample.h"
#include "vlm/vlm.h"

namespace vega::vlm {

// The score of "no object" of a head that has none: no softmax sees it.
inline constexpr float kNeverChosen = -1e4F;

// The scene's boxes with their scores. As released boxes go through bfloat16 with all other
// geometry (Switches::geometry).
tasks::Prediction prediction_of(const SceneInput& scene, const Grounding& found,
                                GeometryType geometry);

}  // namespace vega::vlm
