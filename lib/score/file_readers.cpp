#include "score/file_readers.h"

#include <fmt/core.h>

#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/text.h"
#include "score/answers.h"
#include "score/lines.h"
#include "score/scores_file.h"
#include "score/sha256.h"
#include "tasks/answer_parts.h"
#include "tasks/sample.h"

namespace vega::score {
namespace fs = std::filesystem;
namespace {

// JSON Lines: by name, or where the first line is an object of its own and another one follows.
bool is_lines(const fs::path& path, std::string_view text) {
  if (path.extension() == ".jsonl") return true;
  const std::size_t end = text.find('\n');
  if (end == text.npos) return false;
  const std::string_view rest = trim(text.substr(end));
  return rest.starts_with('{') && parse_json(text.substr(0, end)).has_value();
}

// What the lines of an answer file say, whatever the benchmark.
struct LinesSummary {
  std::size_t lines = 0, empty = 0, repaired = 0;
  std::set<std::string> ids;
  std::size_t without_id = 0, repeated = 0;
  std::map<std::string, std::map<std::string, std::int64_t>> counts;  // member: value: lines
};

LinesSummary summary_of(std::string_view text, const std::string& file) {
  LinesSummary out;
  out.repaired = each_record(text, file, "a line of answers", [&](std::size_t, const Json& record) {
    ++out.lines;
    const std::string id = id_text(answer_id(record)).value_or("");
    if (id.empty())
      ++out.without_id;
    else if (!out.ids.insert(id).second)
      ++out.repeated;
    for (const char* name : {"dataset", "question_type", "model_id"})
      if (const std::string value = id_text(record[name]).value_or(""); !value.empty())
        ++out.counts[name][value];
    for (const char* name : {"pred_response", "prediction", "pred"}) {
      const Json* value = record.find(name);
      if (value == nullptr) continue;
      const std::string* answer = value->text();
      out.empty += value->is_null() || (answer != nullptr && trim(*answer).empty()) ? 1 : 0;
      break;
    }
  });
  return out;
}

Json summary_json(const LinesSummary& summary) {
  Json out = Json::object();
  out.add("lines", summary.lines);
  out.add("questions", summary.ids.size());
  out.add("repeated", summary.repeated);
  out.add("without_id", summary.without_id);
  out.add("empty", summary.empty);
  out.add("repaired_characters", summary.repaired);
  for (const auto& [name, values] : summary.counts) out.add(name, Json(values));
  return out;
}

Json scores_summary(const Scores& scores) {
  Json out = Json::object();
  out.add("task", scores.task);
  out.add("split", scores.split);
  out.add("matcher", scores.matcher);
  out.add("n", scores.n);
  out.add("of", scores.of);
  Json& metrics = out.add("metrics", Json::object());
  for (const auto& [name, value] : scores.metrics) metrics.add(name, number_or_null(value.value));
  return out;
}

// The benchmark of processed questions (tasks/sample.h); nothing: the text is no such list.
std::optional<tasks::Task> processed_task(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('[') || text.substr(0, 65536).find("\"conversations\"") == text.npos)
    return std::nullopt;
  const std::size_t at = text.find("\"dataset\"");
  if (at == text.npos) return std::nullopt;
  const std::size_t open = text.find('"', text.find(':', at));
  if (open == text.npos) return std::nullopt;
  const std::size_t close = text.find('"', open + 1);
  if (close == text.npos) return std::nullopt;
  return find_choice<tasks::Task>(tasks::kTasks,
                                  lower(std::string(text.substr(open + 1, close - open - 1))));
}

// Train of SQA3D repeats ids by design.
tasks::SampleFile processed_of(std::string_view text, const std::string& name, tasks::Task task) {
  return tasks::parse_samples(text, name, task, {.repeated_ids = task == tasks::Task::kSqa3d});
}

void describe_processed(const tasks::SampleFile& file, Json& out) {
  std::set<std::string> scenes;
  std::map<std::string, std::int64_t> types;
  std::int64_t without_truth = 0, without_proposal = 0;
  for (const tasks::Sample& one : file.samples) {
    scenes.insert(one.scene);
    ++types[one.question_type];
    without_truth += one.has_truth ? 0 : 1;
    without_proposal += one.no_proposal ? 1 : 0;
  }
  out.add("schema", "processed questions");
  out.add("task", name_in<tasks::Task>(tasks::kTasks, file.task));
  out.add("questions", file.samples.size());
  out.add("scenes", scenes.size());
  out.add("without_public_answer", without_truth);
  if (file.task == tasks::Task::kScan2Cap) out.add("without_proposal", without_proposal);
  out.add("bad", file.bad.size());
  out.add("repaired_characters", file.repaired);
  out.add("question_type", Json(types));
}

Json described(const fs::path& path) {
  const std::string text = file_text(path);
  Json out = Json::object();
  out.add("path", path.string());
  if (const auto task = processed_task(text)) {
    describe_processed(processed_of(text, path.string(), *task), out);
    return out;
  }
  if (is_lines(path, text)) {
    out.add("schema", "JSON Lines");
    const Json summary = summary_json(summary_of(text, path.string()));
    for (const auto& [name, value] : summary.members()) out.add(name, value);
    if (fs::exists(path.parent_path() / tasks::kRunFile)) out.add("run", tasks::kRunFile);
    return out;
  }
  const Json json = parse_json(text, {path.string(), "JSON", ""}, large_json());
  const std::string schema(json["schema"].text_or(""));
  out.add("schema", schema.empty() ? Json() : Json(schema));
  if (schema == kScoresSchema) {
    const Json summary = scores_summary(parse_scores(text, path.string()));
    for (const auto& [name, value] : summary.members()) out.add(name, value);
  } else if (json.is_list()) {
    out.add("elements", json.size());
    Json names = Json::list();
    if (json.size() > 0 && json[std::size_t{0}].is_object())
      for (const auto& [name, value] : json[std::size_t{0}].members()) names.push(name);
    out.add("members", std::move(names));
  } else {
    Json names = Json::list();
    for (const auto& [name, value] : json.members()) names.push(name);
    out.add("members", std::move(names));
  }
  return out;
}

// "name: value" a line; objects are indented.
void add_lines(const Json& json, const std::string& indent, std::string& out) {
  for (const auto& [name, value] : json.members()) {
    out += indent + name + ":";
    if (value.is_object()) {
      out += '\n';
      add_lines(value, indent + "  ", out);
    } else if (value.is_list()) {
      for (const Json& one : value.elements()) out += " " + (one.text() ? *one.text() : one.dump());
      out += '\n';
    } else {
      out += " " + (value.text() ? *value.text() : value.is_null() ? "-" : value.dump()) + "\n";
    }
  }
}

std::string inspect_text(const fs::path& path) {
  const Json json = described(path);
  std::string out;
  add_lines(json, "", out);
  return out;
}

void check_value(const std::string& name, const ScoreValue& value, const Scores& scores,
                 const std::function<void(std::string, std::string)>& fault) {
  if (!std::isfinite(value.value)) return;
  if (value.value < 0 || value.value > 1000)
    fault(name, fmt::format("{:g}, expected percent", value.value));
  if (std::isfinite(value.low) && std::isfinite(value.high) &&
      !(value.low <= value.value && value.value <= value.high))
    fault(name, fmt::format("{:g} lies outside of its interval {:g} to {:g}", value.value,
                            value.low, value.high));
  if (value.n > scores.n)
    fault(name, fmt::format("{} questions, expected at most {}", value.n, scores.n));
}

std::vector<Fault> faults_of_scores(const fs::path& path, const Scores& scores) {
  std::vector<Fault> out;
  const auto fault = [&](std::string where, std::string what) {
    out.push_back({path, std::move(where), std::move(what)});
  };
  if (scores.n > scores.of) fault("n", fmt::format("{} of {} questions", scores.n, scores.of));
  for (const auto& [name, value] : scores.metrics)
    check_value("metrics." + name, value, scores, fault);
  for (const auto& [group, metrics] : scores.breakdown)
    for (const auto& [name, value] : metrics)
      check_value("breakdown." + group + "." + name, value, scores, fault);
  for (const auto& [file, digest] : scores.inputs) {
    if (fs::exists(file) && sha256_of_file(file) != digest)
      fault("inputs." + file, "the file has changed since it was scored; score it again");
  }
  return out;
}

// The benchmark that lines answer, by the dataset that they name.
std::optional<Task> task_of(const LinesSummary& summary) {
  const auto datasets = summary.counts.find("dataset");
  if (datasets == summary.counts.end() || datasets->second.size() != 1) return std::nullopt;
  return task_of_dataset(datasets->second.begin()->first);
}

std::vector<Fault> verify_json(const fs::path& path) {
  try {
    const std::string text = file_text(path);
    if (is_lines(path, text)) {
      const LinesSummary summary = summary_of(text, path.string());
      if (const auto task = task_of(summary); task && *task != Task::kLibero)
        parse_answers(text, path.string(), *task);
      if (summary.repeated > 0) return {{path, "", plural(summary.repeated, "repeated id")}};
      return {};
    }
    if (const auto task = processed_task(text)) {
      std::vector<Fault> out;
      for (const tasks::BadSample& bad : processed_of(text, path.string(), *task).bad)
        out.push_back({path, bad.place.substr(path.string().size() + 2),
                       (bad.id.empty() ? "" : "question " + bad.id + ": ") + bad.why});
      return out;
    }
    const Json json = parse_json(text, {path.string(), "JSON", ""}, large_json());
    if (json["schema"].text_or("") == kScoresSchema)
      return faults_of_scores(path, parse_scores(text, path.string()));
    return {};
  } catch (const InputError& error) {
    std::string what = error.what(), where;
    if (const std::string place = path.string() + ":"; what.starts_with(place))
      what = trim(std::string_view(what).substr(place.size()));
    if (const std::size_t colon = what.find(':'); parse_whole(what.substr(0, colon))) {
      where = "line " + what.substr(0, colon);
      what = trim(std::string_view(what).substr(colon + 1));
    }
    return {{path, where, what}};
  }
}

}  // namespace

FileReader json_reader() {
  return {.kind = "answers (.jsonl), scores and processed questions (.json)",
          .endings = {".json", ".jsonl"},
          .file = "answers/scanqa/answers.jsonl",
          .folder = "scores",
          .fits =
              [](const fs::path& path, std::span<const std::byte> head) {
                return path.extension() == ".json" || path.extension() == ".jsonl" ||
                       file_kind(head).name == "a JSON text";
              },
          .inspect = inspect_text,
          .inspect_json = [](const fs::path& path) { return described(path).dump(2); },
          .verify = verify_json};
}

FileReader h5_absent() {
  const auto refuse = [](const fs::path& path) {
    return InputError(explain(path.string(), "an HDF5 file",
                              "answers (.jsonl), scores or processed questions (.json)",
                              "this vega-eval is the score-only build; the one that `make` builds "
                              "reads HDF5 files"));
  };
  const auto text = [refuse](const fs::path& path) -> std::string { throw refuse(path); };
  return {.kind = "no HDF5 files",
          .fits =
              [](const fs::path& path, std::span<const std::byte> head) {
                return path.extension() == ".h5" || file_kind(head).name == "an HDF5 file";
              },
          .inspect = text,
          .inspect_json = text,
          .verify = [refuse](const fs::path& path) -> std::vector<Fault> { throw refuse(path); }};
}

}  // namespace vega::score
