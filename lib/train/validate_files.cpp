#include "train/validate_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/publish.h"
#include "base/text.h"
#include "train/metrics_file.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

struct DatasetFound {
  std::string name;
};

// Throws DatasetFound at the first text "dataset" of an object "metadata" of a list's object.
class DatasetLook final : public JsonEvents {
 public:
  void open(bool /*list*/) override { keys_.emplace_back(); }
  void close() override { keys_.pop_back(); }
  void key(const std::string& name) override { keys_.back() = name; }
  void value(const Json& scalar) override {
    if (keys_.size() == 3 && keys_[1] == "metadata" && keys_[2] == "dataset")
      throw DatasetFound{scalar.text_or("")};
  }

 private:
  std::vector<std::string> keys_;  // the last one of each open object
};

constexpr std::size_t kMostBytes = std::size_t{1} << 31;

}  // namespace

tasks::Task task_of_questions(const fs::path& path, const AskedTasks& asked) {
  const std::string text = read_text(path, "processed questions", kMostBytes);
  JsonLimits limits;
  limits.bytes = kMostBytes;
  DatasetLook look;
  std::string name;
  try {
    parse_json(text, {path.string(), "a list of questions", "vega-eval prepare writes it"}, limits,
               look);
  } catch (const DatasetFound& found) {
    name = found.name;
  }
  const auto is_named = [&](const Choice<tasks::Task>& choice) {
    return lower(name) == lower(std::string(tasks::dataset_name(choice.value)));
  };
  for (const auto& choice : asked.list)
    if (is_named(choice)) return choice.value;
  const std::string names = listed(asked.list, ", ");
  if (std::ranges::any_of(tasks::kTasks, is_named))
    throw InputError(explain("--validate " + path.string(), "questions of " + name,
                             fmt::format("those of {}, which {} is asked", names, asked.who),
                             "score the run's checkpoints with vega-eval answer"));
  throw FormatError(explain(
      path.string(),
      name.empty() ? "no metadata.dataset in its records" : "metadata.dataset '" + name + "'",
      "questions of " + names,
      fmt::format("TASK=FILE says the task: {}={}", asked.list.front().name, path.string())));
}

QuestionFile question_file(const std::string& text, const AskedTasks& asked) {
  const std::size_t equals = text.find('=');
  std::error_code ignored;
  if (equals == text.npos || fs::exists(text, ignored))
    return {task_of_questions(text, asked), text};
  return {choice_of<tasks::Task>(asked.list, "--validate", text.substr(0, equals)),
          text.substr(equals + 1)};
}

std::vector<Json> validation_lines(const fs::path& run) {
  std::error_code ignored;
  const fs::path path = run / kValidationFile;
  return fs::exists(path, ignored) ? read_step_lines(path) : std::vector<Json>();
}

void write_validation_lines(const fs::path& run, const std::vector<Json>& lines) {
  std::string text;
  for (const Json& line : lines) text += line.dump() + "\n";
  publish_file(run / kValidationFile, text);
}

std::string metric_names(const Json& tasks) {
  std::string out;
  for (const JsonMember& task : tasks.members())
    for (const JsonMember& metric : task.value["metrics"].members())
      if (metric.value["value"].number())
        out += (out.empty() ? "" : ", ") + task.name + ":" + metric.name;
  return out;
}

}  // namespace vega::train
