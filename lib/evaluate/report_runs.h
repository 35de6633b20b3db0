// The runs of a report: systems by name, and what each scored in each task.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tasks/scored.h"

namespace vega::evaluate {

struct ReportRun {
  std::string name, path;
  tasks::ScoredFile file;
};

// Runs of one task, in the order in which they were given; one a name.
struct ReportTask {
  std::string task, title, split;
  std::vector<ReportRun> runs;

  // The first run that has questions; null: none has.
  const ReportRun* with_questions() const;
};

struct ReportInput {
  std::string name, path;
};

// Resolves the arguments to runs. NAME=PATH or PATH: a folder of answers, a score file, a folder of
// such folders (answers/scanqa, answers/sqa3d), or one whose "answers" is that. Without NAME the
// name of the checkpoint where run.json says it and no other argument has the same; else that of
// the folder, or of the one above where it is that of a task. Throws InputError: nothing there.
std::vector<ReportInput> report_inputs(const std::vector<std::string>& inputs);

// Reads them. Throws UsageError (a task twice under one name) and what `read` throws.
std::vector<ReportTask> read_runs(const std::vector<ReportInput>& inputs,
                                  const tasks::ScoredSources& sources,
                                  const tasks::ReadScored& read);

// "scanrefer=FILE" of --gt, by task. Throws UsageError.
std::map<std::string, std::string> truth_files(const std::vector<std::string>& texts);

}  // namespace vega::evaluate
