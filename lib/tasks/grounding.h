// What a grounding answer points at. Source: VEGA-3D, scripts/3d/eval, eval_scanrefer and
// eval_multi3drefer.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace vega::tasks {

// scores: N + 1 cosines of a Multi3DRefer answer; the last one stands for "no object".
struct BoxChoice {
  double threshold = 0.4;     // of the probability that is gathered
  bool renormalised = false;  // divide by the sum over the N boxes first
};

// Places of the chosen boxes, most probable first. Empty where "no object" has the largest score.
// Else softmax(scores / 0.07) in float32 without the last entry, and boxes until their sum reaches
// the threshold; at least one.
std::vector<std::size_t> chosen_boxes(std::span<const double> scores, const BoxChoice& choice);

}  // namespace vega::tasks
