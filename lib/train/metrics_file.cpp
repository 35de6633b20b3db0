#include "train/metrics_file.h"

#include <cmath>
#include <fstream>
#include <system_error>

#include "base/error.h"
#include "base/log.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

double number_or_none(const Json& value) { return value.number().value_or(StepMetrics::kNone); }

std::map<std::string, double> numbers_by_name(const Json& object) {
  std::map<std::string, double> out;
  for (const JsonMember& member : object.members())
    if (const auto value = member.value.number()) out[member.name] = *value;
  return out;
}

}  // namespace

std::vector<Json> read_step_lines(const fs::path& path) {
  std::ifstream in(path);
  if (!in)
    throw InputError(explain(path.string(), "a file that cannot be opened",
                             std::string(kMetricsFile) + " of a run",
                             "the folder that vega-train run wrote"));
  std::map<std::int64_t, Json> steps;
  std::string line, fault;
  std::int64_t number = 0, faulty = 0;
  while (std::getline(in, line)) {
    ++number;
    if (!fault.empty()) log_warn("{}: left out", fault);  // it was not the last line
    fault.clear();
    const auto json = parse_json(line);
    const auto step = json ? (*json)["step"].whole() : std::nullopt;
    if (!step) {
      ++faulty;
      fault = explain(path.string() + ":" + std::to_string(number), "no object with a step");
      continue;
    }
    steps.erase(steps.lower_bound(*step), steps.end());
    steps[*step] = *json;
  }
  if (steps.empty())
    throw FormatError(explain(path.string(),
                              number == 0   ? "an empty file"
                              : faulty == 1 ? "one line that is broken off"
                                            : "no line with a step",
                              "lines {\"step\": 1, ...}"));
  std::vector<Json> out;
  for (auto& [step, json] : steps) out.push_back(std::move(json));
  return out;
}

std::vector<StepMetrics> read_metrics(const fs::path& path) {
  std::vector<StepMetrics> out;
  for (const Json& line : read_step_lines(path)) {
    StepMetrics one;
    one.step = *line["step"].whole();
    one.loss = number_or_none(line["loss"]);
    one.grad_norm = number_or_none(line["grad_norm"]);
    one.gate = number_or_none(line["gate"]);
    one.tokens = number_or_none(line["tokens"]);
    one.frames = number_or_none(line["frames"]);
    one.seconds = number_or_none(line["seconds"]);
    one.memory = number_or_none(line["memory"]);
    one.task_loss = numbers_by_name(line["loss_by_task"]);
    one.loss_by = numbers_by_name(line["loss_by"]);
    one.rate = numbers_by_name(line["rate"]);
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<ValidationScore> read_validation_scores(const fs::path& path) {
  std::vector<ValidationScore> out;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return out;
  for (const Json& line : read_step_lines(path)) {
    for (const JsonMember& task : line["tasks"].members()) {
      const std::string metric = task.value["main"].text_or("");
      const Json& score = task.value["metrics"][metric];
      if (score["value"].number())
        out.push_back({*line["step"].whole(), task.name, metric, number_or_none(score["value"]),
                       number_or_none(score["lo"]), number_or_none(score["hi"])});
    }
  }
  return out;
}

}  // namespace vega::train
