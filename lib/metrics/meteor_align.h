// METEOR's alignment of two sentences: a beam search over matches that others found.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vega::metrics {

// Words [hypothesis, hypothesis + hypothesis_words) may stand for [reference, reference +
// reference_words).
struct MeteorMatch {
  int stage = 0;  // 0 exact, 1 stem, 2 synonym, 3 paraphrase
  int hypothesis = 0, hypothesis_words = 1;
  int reference = 0, reference_words = 1;
};

// candidates[j]: matches that begin at reference word j, in the order that decides ties. Returns
// the matches of the best alignment, ascending by reference word. Source: meteor-1.5.jar.
std::vector<MeteorMatch> align(std::span<const std::vector<MeteorMatch>> candidates,
                               int hypothesis_words);

}  // namespace vega::metrics
