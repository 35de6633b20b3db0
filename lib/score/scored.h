// The questions behind the numbers of `vega-eval score`, for pictures of cases and for reports.
#pragma once

#include "score/score.h"
#include "tasks/scored.h"

namespace vega::score {

// Reads, joins and measures as `vega-eval score --partial` does. Questions are in the order of the
// annotation file; with `against` each one has the other system's answer where that answers it. A
// question whose scene has no file, or lacks an object that the annotation names, is broken and
// costs only itself. `answers`: an answer file, a folder with answers.jsonl (and scores.json, whose
// numbers are taken unless they are of other answers), or a score file alone, which has no
// questions. Without gt and gt_of the questions that run.json names are what is right, if they are
// still the same. Throws UsageError (no task is known), InputError, FormatError.
tasks::ScoredFile scored_questions(const tasks::ScoredSources& sources,
                                   const ReadScene& read_scene);

}  // namespace vega::score
