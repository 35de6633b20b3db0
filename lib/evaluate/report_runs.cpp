#include "evaluate/report_runs.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/natural.h"
#include "base/printable.h"
#include "tasks/answer_parts.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 10> kTaskNames = {
    "scanrefer", "multi3drefer", "scan2cap", "scanqa", "sqa3d",
    "nr3d",      "vsi",          "cvbench",  "blink",  "libero"};

bool is_task(std::string_view name) {
  return std::find(kTaskNames.begin(), kTaskNames.end(), name) != kTaskNames.end();
}

bool is_run(const fs::path& folder) {
  return fs::exists(folder / tasks::kAnswersFile) || fs::exists(folder / "scores.json");
}

// Folders of runs in a folder, by task, then by name.
std::vector<std::string> runs_below(const fs::path& path) {
  std::vector<std::string> out;
  for (const fs::directory_entry& entry : fs::directory_iterator(path))
    if (entry.is_directory() && is_run(entry.path())) out.push_back(entry.path().string());
  const auto rank = [](const std::string& folder) {
    const std::string task = fs::path(folder).filename().string();
    return std::find(kTaskNames.begin(), kTaskNames.end(), task) - kTaskNames.begin();
  };
  std::sort(out.begin(), out.end(), [&](const std::string& a, const std::string& b) {
    return rank(a) != rank(b) ? rank(a) < rank(b) : natural_less(a, b);
  });
  return out;
}

// The last name of a path.
std::string last_name(const fs::path& path) {
  const fs::path plain = path.lexically_normal();
  return (plain.has_filename() ? plain : plain.parent_path()).filename().string();
}

// The checkpoint that run.json beside the answers names; empty: none does.
std::string checkpoint_name(const fs::path& run) {
  const fs::path file = (fs::is_directory(run) ? run : run.parent_path()) / tasks::kRunFile;
  if (!fs::exists(file)) return {};
  return last_name(std::string(tasks::read_run(file)["checkpoint"].text_or("")));
}

// The name of a folder, or of the one above where it is a task's.
std::string run_folder_name(const fs::path& path) {
  fs::path folder = fs::absolute(path).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  if (!fs::is_directory(path)) folder = folder.parent_path();
  if (is_task(folder.filename().string())) folder = folder.parent_path();
  const std::string name = folder.filename().string();
  return name.empty() ? path.string() : name;
}

// One argument of the verb, resolved to the runs that it names.
struct Given {
  std::string name, path;  // name: empty where the user gave none
  std::vector<std::string> runs;
};

Given given_of(const std::string& input) {
  Given out{{}, input, {}};
  // Names and paths may hold "=" too.
  for (std::size_t at = input.find('='); at != input.npos && !fs::exists(out.path);
       at = input.find('=', at + 1)) {
    out.name = input.substr(0, at);
    out.path = input.substr(at + 1);
  }
  if (!fs::exists(out.path))
    throw InputError(explain(printable(out.path), "no such file or folder",
                             "a folder of answers, or a score file"));
  if (!fs::is_directory(out.path) || is_run(out.path)) {
    out.runs = {out.path};
    return out;
  }
  out.runs = runs_below(out.path);
  const fs::path answers = fs::path(out.path) / "answers";  // of tools/benchmark.sh
  if (out.runs.empty() && fs::is_directory(answers)) out.runs = runs_below(answers);
  if (out.runs.empty())
    throw InputError(explain(printable(out.path), "a folder without answers.jsonl and scores.json",
                             "one of them, or folders that hold them",
                             "vega-eval merge makes one file of the parts of a run"));
  return out;
}

// Runs are named by their checkpoint where run.json says it and it tells folders apart; else by the
// folders.
void name_unnamed(std::vector<Given>& given) {
  std::vector<std::string> checkpoints, names;
  for (const Given& one : given)
    checkpoints.push_back(one.name.empty() ? checkpoint_name(one.runs.front()) : one.name);
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!given[i].name.empty()) {
      names.push_back(given[i].name);
      continue;
    }
    const std::string folder = run_folder_name(given[i].path);
    bool told = !checkpoints[i].empty();
    for (std::size_t k = 0; k < given.size(); ++k)
      told = told && (checkpoints[k] != checkpoints[i] || run_folder_name(given[k].path) == folder);
    names.push_back(told ? checkpoints[i] : folder);
  }
  for (std::size_t i = 0; i < given.size(); ++i) given[i].name = std::move(names[i]);
}

}  // namespace

const ReportRun* ReportTask::with_questions() const {
  for (const ReportRun& run : runs)
    if (!run.file.questions.empty()) return &run;
  return nullptr;
}

std::vector<ReportInput> report_inputs(const std::vector<std::string>& inputs) {
  if (inputs.empty())
    throw UsageError(explain("report", "no run", "folders of answers, or score files"));
  std::vector<Given> given;
  for (const std::string& input : inputs) given.push_back(given_of(input));
  name_unnamed(given);
  std::vector<ReportInput> out;
  for (const Given& one : given)
    for (const std::string& run : one.runs) out.push_back({one.name, run});
  return out;
}

std::vector<ReportTask> read_runs(const std::vector<ReportInput>& inputs,
                                  const tasks::ScoredSources& sources,
                                  const tasks::ReadScored& read) {
  std::vector<ReportTask> out;
  for (const ReportInput& input : inputs) {
    tasks::ScoredSources one = sources;
    one.answers = input.path;
    one.intervals = true;
    ReportRun run{input.name, input.path, read(one)};
    for (const std::string& note : run.file.notes) log_info("{}: {}", input.path, note);
    if (!run.file.no_cases.empty()) log_warn("{}: no cases: {}", input.path, run.file.no_cases);
    auto at = std::find_if(out.begin(), out.end(),
                           [&](const ReportTask& task) { return task.task == run.file.task; });
    if (at == out.end()) at = out.insert(at, {run.file.task, run.file.title, run.file.split, {}});
    for (const ReportRun& other : at->runs)
      if (other.name == run.name)
        throw UsageError(explain(run.path,
                                 "a second run of " + run.file.task + " under the name '" +
                                     printable(run.name) + "' (first: " + other.path + ")",
                                 "a name for each", "give NAME=PATH"));
    at->runs.push_back(std::move(run));
  }
  return out;
}

std::map<std::string, std::string> truth_files(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> out;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const std::string task = text.substr(0, equals);
    if (equals == text.npos || equals + 1 == text.size() || !is_task(task))
      throw UsageError(explain("--gt", "'" + printable(text) + "'", "TASK=FILE",
                               "such as scanqa=ScanQA_v1.0_val.json"));
    if (!out.try_emplace(task, text.substr(equals + 1)).second)
      throw UsageError(explain("--gt", task + " twice", "each task once"));
  }
  return out;
}

}  // namespace vega::evaluate
