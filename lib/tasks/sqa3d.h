// SQA3D answers: when two count as equal. Source: VEGA-3D, scripts/3d/eval, eval_sqa3d;
// docs/scoring.md.
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

// What a question asks for, by its first word: what, is, how, can, which, others. Source:
// Video-3D-LLM, process_sqa3d.
std::string sqa3d_type(std::string_view question);

}  // namespace vega::tasks
