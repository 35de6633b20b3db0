// Descriptions in English, in the manner of the benchmarks. All lower case.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "synth/dataset/draw.h"
#include "synth/dataset/words.h"

namespace vega::synth {

std::string noun(const Kind& kind, bool several = false);  // "red cone", "boxes", "objects"
std::string the(const Kind& kind);                         // "the red cone"
std::string with_article(const std::string& noun);         // "a red cone", "an armchair"

// "left of the red cone" of the own place: "on my left", "behind me".
std::string of_me(Relation side);

// "the red cone closest to the sofa"; several: "the red cones ...". Draws among wordings of equal
// meaning. may_lead: "facing the door, ..." may come first.
std::string short_phrase(const Description& description, bool several, Draw& draw,
                         bool may_lead = true);

// Two sentences as annotators write them: "this is a red cone. it is ...". Of one thing.
std::string long_phrase(const Description& description, bool on_floor, Draw& draw);

// Wordings of few words for a thing of this label and colour: "the cone is red".
std::array<std::string, 4> plain_phrases(const Kind& kind);

// Words and punctuation marks of a text.
std::vector<std::string> words_of(const std::string& text);

// "zero" to "twenty"; larger numbers in digits.
std::string number_word(std::size_t number);

}  // namespace vega::synth
