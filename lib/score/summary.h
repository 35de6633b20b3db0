// From what questions earned to scores with intervals, and to text.
#pragma once

#include <string>
#include <vector>

#include "metrics/intervals.h"
#include "score/benchmark.h"
#include "score/measures.h"
#include "score/scores_file.h"
#include "viz/table.h"

namespace vega::score {

struct Certainty {
  bool by_scene = true;
  metrics::Bootstrap bootstrap;
};

// Questions of one scene together, where all scenes are known and one has several questions.
metrics::Clusters clusters_of(const Measured& measured, const Certainty& certainty);

// Several runs on the same questions: their mean, and the value of each run (Measured::seeds).
Measured mean_of_runs(const std::vector<Measured>& runs);

Scores scores_of(Task task, const Measured& measured, const Certainty& certainty);

// "45.24", "45.24 (12/3519)" of a partial file, "-" where there is none.
std::string value_text(const ScoreValue& value, const Scores& scores);
std::string interval_text(const ScoreValue& value);

// The report that score prints: counts, metrics with intervals, groups.
std::string scores_report(const Scores& scores, TableFormat format);

// A line a question: {"id", "scene" where it is known, "earned": {metric: number}}; metrics without
// a number are left out.
std::string samples_text(const Measured& measured);

}  // namespace vega::score
