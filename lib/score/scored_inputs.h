// The files behind the path of a run that `vega-eval show` and `report` are given: answers, scores
// and run.json, the benchmark that they are of, and the questions that were asked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "score/benchmark.h"
#include "score/scores_file.h"
#include "tasks/scored.h"

namespace vega::score {

struct ScoredInputs {
  std::filesystem::path answers;  // empty: scores alone
  std::filesystem::path folder;   // of answers or scores: run.json lies there
  std::filesystem::path scores_path;
  std::optional<Scores> scores;  // of scores_path; nothing: there is no such file
};

// path: an answer file, a score file (.json), or a folder with answers.jsonl, scores.json or both.
// Throws InputError (a folder with neither), FormatError (the score file).
ScoredInputs find_scored_inputs(const std::filesystem::path& path);

// The task that `sources` name, or else the one that the lines, run.json, the scores or the
// folder's name state, in this order. Throws InputError (the files state another task than sources
// do), UsageError (nothing says the task).
Task find_scored_task(const tasks::ScoredSources& sources, const ScoredInputs& inputs);

// Whether a score file was made of these very answers: by the digest of its input of that name. A
// score file that has no input of that name passes.
bool scores_fit(const Scores& scores, const std::filesystem::path& answers);

// The processed questions that a run of `vega-eval answer` was asked, by run.json in the folder of
// its answers. Empty where they are no longer in their place, or no longer the same.
std::string questions_of_run(const std::filesystem::path& folder);

}  // namespace vega::score
