#include "score/scored_inputs.h"

#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "score/lines.h"
#include "score/sha256.h"
#include "tasks/answer_parts.h"

namespace vega::score {

namespace fs = std::filesystem;

namespace {

bool is_score_file(const fs::path& path) {
  return path.extension() == ".json" && fs::is_regular_file(path);
}

// The benchmark that a file says its answers are of.
struct StatedTask {
  std::string where;
  Task task{};
};

// The benchmark of the dataset that all lines name. Nothing: they name none, several or no
// benchmark.
std::optional<Task> task_of_lines(const fs::path& answers) {
  std::set<std::string> names;
  try {
    each_record(file_text(answers), answers.string(), "a line of answers",
                [&](std::size_t, const Json& record) {
                  names.insert(std::string(record["dataset"].text_or("")));
                });
  } catch (const FormatError&) {
    return std::nullopt;  // read_answers reports it
  }
  if (names.size() != 1) return std::nullopt;
  return task_of_dataset(*names.begin());
}

std::optional<StatedTask> stated_task(const ScoredInputs& inputs) {
  if (!inputs.answers.empty())
    if (const auto task = task_of_lines(inputs.answers))
      return StatedTask{inputs.answers.string(), *task};
  const auto named = [](const fs::path& where, std::string_view name) -> std::optional<StatedTask> {
    if (const auto task = find_choice(task_names(), name)) return StatedTask{where.string(), *task};
    return std::nullopt;
  };
  const fs::path run = inputs.folder / tasks::kRunFile;
  if (!inputs.answers.empty() && fs::exists(run))
    if (auto out = named(run, tasks::read_run(run)["task"].text_or(""))) return out;
  return inputs.scores ? named(inputs.scores_path, inputs.scores->task) : std::nullopt;
}

}  // namespace

ScoredInputs find_scored_inputs(const fs::path& path) {
  ScoredInputs out;
  if (fs::is_directory(path)) {
    out.folder = path;
    if (fs::exists(path / tasks::kAnswersFile)) out.answers = path / tasks::kAnswersFile;
    if (fs::exists(path / "scores.json")) out.scores_path = path / "scores.json";
    if (out.answers.empty() && out.scores_path.empty())
      throw InputError(explain(path.string(), "a folder without answers.jsonl and scores.json",
                               "one of them",
                               "vega-eval merge makes one file of the parts of a run"));
  } else if (is_score_file(path)) {
    out.scores_path = path;
    out.folder = path.parent_path();
  } else {
    out.answers = path;
    out.folder = path.parent_path();
  }
  if (!out.scores_path.empty()) out.scores = read_scores(out.scores_path);
  return out;
}

Task find_scored_task(const tasks::ScoredSources& sources, const ScoredInputs& inputs) {
  const std::optional<StatedTask> stated = stated_task(inputs);
  if (!sources.task.empty()) {
    const Task asked = choice_of(task_names(), "TASK", sources.task);
    if (stated && stated->task != asked)
      throw InputError(explain(
          stated->where, "answers of " + std::string(name_in(task_names(), stated->task)),
          "of " + std::string(name_in(task_names(), asked)), "name the task that they answer"));
    return asked;
  }
  if (stated) return stated->task;
  const fs::path folder = fs::absolute(inputs.folder).lexically_normal();
  const std::string name =
      (folder.has_filename() ? folder : folder.parent_path()).filename().string();
  if (const auto task = find_choice(task_names(), std::string_view(name))) return *task;
  throw UsageError(explain(sources.answers.string(), "answers of an unknown task",
                           "lines that name their dataset, run.json or scores.json beside them, or "
                           "a folder named after the task",
                           "score them with -o scores.json in their folder"));
}

bool scores_fit(const Scores& scores, const fs::path& answers) {
  std::optional<std::string> digest;
  for (const auto& [file, known] : scores.inputs) {
    if (fs::path(file).filename() != answers.filename()) continue;
    if (!digest) digest = sha256_of_file(answers);
    if (known == *digest) return true;
  }
  return !digest;
}

std::string questions_of_run(const fs::path& folder) {
  const fs::path path = folder / tasks::kRunFile;
  if (!fs::exists(path)) return {};
  const Json run = tasks::read_run(path);
  const std::string file = run["provenance"]["questions"].text_or("");
  const std::string digest = run["questions"]["digest"].text_or("");
  std::error_code none;
  if (file.empty() || digest.empty() || !fs::is_regular_file(file, none)) return {};
  constexpr std::size_t kMost = std::size_t{8} << 30;
  return xxh3_hex(read_text(file, "questions", kMost)) == digest ? file : std::string();
}

}  // namespace vega::score
