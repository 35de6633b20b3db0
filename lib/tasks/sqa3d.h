// SQA3D answers: when two count as equal. Source: scene_understanding 9.7 and 9.9.
#pragma once

#include <string>
#include <string_view>

namespace vega::tasks {

// The official cleaning: lower case, no punctuation, spelled-out numbers, no articles, some
// spellings put right.
std::string sqa3d_clean(std::string_view answer);

enum class Sqa3dMatch { kNone, kRefined, kOfficial, kStrict };

// The strictest way in which an answer matches. Refined: one cleaned text without white space is
// part of the other, so that an empty answer matches everything.
Sqa3dMatch sqa3d_match(std::string_view answer, std::string_view truth);

}  // namespace vega::tasks
