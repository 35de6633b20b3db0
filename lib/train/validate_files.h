// Files of validations: questions and what task they are of; the scores of a run, a line a
// validation.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tasks/sample.h"

namespace vega::train {

struct QuestionFile {
  tasks::Task task{};
  std::filesystem::path path;
};

// What the model of a run may be asked.
struct AskedTasks {
  std::span<const Choice<tasks::Task>> list = tasks::kScanTasks;
  std::string_view who = "a model that reads files of scenes";
};
// Of a model that is shown pictures.
inline constexpr Choice<tasks::Task> kShownTasks[] = {{tasks::Task::kVsi, "vsi"}};

// The benchmark that the first record of processed questions names as its dataset. Throws
// InputError (cannot be opened; none of those that are asked), FormatError (no such list, no known
// dataset).
tasks::Task task_of_questions(const std::filesystem::path& path, const AskedTasks& asked = {});

// "FILE" or "TASK=FILE". Throws as task_of_questions, and UsageError (TASK is none of those).
QuestionFile question_file(const std::string& text, const AskedTasks& asked = {});

// The lines of validation.jsonl of a run's folder; none where there is no such file.
std::vector<Json> validation_lines(const std::filesystem::path& run);
// Writes the whole file anew: it is there with all its lines or as it was. Throws OutputError.
void write_validation_lines(const std::filesystem::path& run, const std::vector<Json>& lines);

// "scanqa:EM, scanqa:CIDEr": those of the tasks of a line that have a number.
std::string metric_names(const Json& tasks);

}  // namespace vega::train
