// The cases of a report, as HTML: pictures, what is right, what each run answered and earned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.h"
#include "evaluate/report_runs.h"
#include "evaluate/scene_cache.h"

namespace vega::evaluate {

// Places of `count` questions (0: all): the first half earned least, the others are spread evenly
// over the rest, from low to high.
std::vector<std::size_t> report_cases(const tasks::ScoredFile& file, std::int64_t count);

struct CaseOptions {
  std::int64_t count = 12;         // a task
  std::size_t frames = 2;          // a case
  int width = 320;                 // pixels of a frame
  std::vector<std::string> names;  // of all runs: the order of data-scores
  Progress* progress = nullptr;    // of all cases; may be absent
};

struct CaseCounts {
  std::size_t cases = 0, failed = 0;  // failed: a scene could not be drawn, or a question is broken
  std::vector<std::string> scenes;    // each once
};

// One <article> a case. scenes null: no pictures. A scene that cannot be read costs the pictures of
// its cases, and is logged.
std::string case_articles(const ReportTask& task, const CaseOptions& options, SceneCache* scenes,
                          CaseCounts& counts);

// The form of filters, hidden until the script finds it.
std::string case_filters(const std::vector<ReportTask>& tasks,
                         const std::vector<std::string>& names);

// The key of the drawn boxes: a sample of each line and its meaning.
std::string case_key(const std::vector<std::string>& names);

}  // namespace vega::evaluate
