// A question with its truth and answer, as pictures of cases and reports show it.
#pragma once

#include "score/join.h"
#include "score/measures.h"
#include "tasks/scored.h"

namespace vega::score {

// Without what the answer earned.
tasks::ScoredAnswer scored_answer(const Answer& answer, Task task, const Matching& matching);

// The text is that of the annotation: the released words around it are left out, and the
// coordinate of the given box stands in the place of "<coord>".
tasks::ScoredQuestion scored_question(const Question& one, Task task, const Matching& matching);

}  // namespace vega::score
