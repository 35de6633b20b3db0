#include "score/validate.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/publish.h"
#include "base/text.h"
#include "run/output_names.h"
#include "score/join.h"
#include "score/lines.h"
#include "score/rollouts.h"
#include "score/sha256.h"
#include "score/truth.h"
#include "score/validate_submission.h"
#include "text/lines.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRecordSchema = "vega.record/1";

// Faults of one kind: the first ones, then how many there are more.
class Kind {
 public:
  Kind(std::vector<std::string>& out, std::string name) : out_(out), name_(std::move(name)) {}
  ~Kind() {
    if (count_ > kShownFaults)
      out_.push_back("... and " + std::to_string(count_ - kShownFaults) + " more: " + name_);
  }
  Kind(const Kind&) = delete;
  Kind& operator=(const Kind&) = delete;
  void add(std::string fault) {
    if (++count_ <= kShownFaults) out_.push_back(std::move(fault));
  }

 private:
  std::vector<std::string>& out_;
  std::string name_;
  std::size_t count_ = 0;
};

// "FILE:1: ..." of a line that was read alone gets the line's own number.
std::string at_line(std::string message, const std::string& file, std::size_t line) {
  const std::string first = line_place(file, 1);
  if (message.starts_with(first + ":")) message.replace(0, first.size(), line_place(file, line));
  return message;
}

// Every line by itself, so that each fault is found.
std::vector<Answer> read_lines(std::string_view lines, const std::string& name, Task task,
                               Validation& out) {
  Kind bad(out.faults, "lines that cannot be read"), twice(out.faults, "questions answered twice");
  std::vector<Answer> answers;
  std::unordered_map<std::string, std::size_t> first;
  text::each_line(lines, [&](std::string_view line, std::size_t number) {
    if (trim(line).empty()) return;
    try {
      Answer answer = std::move(parse_answers(line, name, task).answers.at(0));
      answer.line = number;
      const auto [at, is_new] = first.try_emplace(answer.id, number);
      if (!is_new) {
        twice.add(explain(line_place(name, number) + ": sample_id",
                          "'" + printable(answer.id) + "' a second time (first: line " +
                              std::to_string(at->second) + ")",
                          "each question once"));
        return;
      }
      out.empty += answer.empty ? 1 : 0;
      out.unreadable += answer.unreadable.empty() ? 0 : 1;
      answers.push_back(std::move(answer));
    } catch (const InputError& error) {
      bad.add(at_line(error.what(), name, number));
    }
  });
  return answers;
}

void compare_with(const AskedQuestions& questions, const std::vector<Answer>& answers,
                  const std::string& name, bool partial, Validation& out) {
  Kind unknown(out.faults, "answers to questions that the annotation file lacks");
  Kind scenes(out.faults, "answers about another scene");
  std::vector<bool> answered(questions.list.size(), false);
  for (const Answer& answer : answers) {
    const std::string place = line_place(name, answer.line);
    const auto at = questions.place.find(answer.id);
    if (at == questions.place.end()) {
      if (!questions.left_out.contains(answer.id))
        unknown.add(explain(place + ": sample_id", "'" + printable(answer.id) + "'",
                            "a question of the annotation file", "another split?"));
      continue;
    }
    answered[at->second] = true;
    const std::string& scene = questions.list[at->second].scene;
    if (!answer.scene.empty() && !scene.empty() && answer.scene != scene)
      scenes.add(
          explain(place + ": scene", answer.scene,
                  scene + ", as the annotation file has it for '" + printable(answer.id) + "'",
                  "another split?"));
  }
  if (partial) return;
  Kind missing(out.faults, "questions without an answer");
  for (std::size_t i = 0; i < answered.size(); ++i)
    if (!answered[i])
      missing.add(explain(name, "no answer to '" + printable(questions.list[i].id) + "'"));
}

void compare_count(Task task, std::size_t count, const std::string& name, bool partial,
                   Validation& out) {
  const Benchmark& benchmark = benchmark_of(task);
  const auto wanted = static_cast<std::size_t>(benchmark.questions);
  if (wanted == 0 || count == wanted || (partial && count < wanted)) return;
  out.faults.push_back(explain(name, plural(count, "answer"),
                               std::to_string(wanted) + ", the questions of " +
                                   std::string(benchmark.title) + " " +
                                   std::string(benchmark.split),
                               "--gt FILE names the annotation file of the split"));
}

struct ValidateOptions {
  std::vector<std::string> inputs;
  std::string gt, boxes, labels, scans, record, submission;
  bool partial = false;

  void visit(OptionVisitor& v) {
    v.inputs(
        inputs, "INPUT...",
        "the task (scanrefer, multi3drefer, scan2cap, scanqa, sqa3d, nr3d, vsi, cvbench, blink, "
        "scanrefer-frames, scan2cap-frames, libero), then answer files, or folders with "
        "answers.jsonl");
    v.group("What is asked");
    v.text(
        "--gt", gt, "FILE",
        "annotation file of the split, original or processed, with or without answers; else only "
        "the number of questions is compared");
    v.text("--boxes", boxes, "FILE", "boxes of annotated objects, for --record");
    v.text("--labels", labels, "FILE",
           "scannetv2-labels.combined.tsv, for --record and ScanRefer's --submission");
    v.text("--scans", scans, "FILE", "Nr3D: names of the split's scans, one a line");
    v.flag("--partial", partial, "missing questions are no fault");
    v.group("Output");
    v.text("--record", record, "FILE",
           "digests of the annotation files in use: written where it is not there, else compared");
    v.text("--submission", submission, "FILE",
           "what the benchmark's server takes for a split without public answers (ScanQA, "
           "ScanRefer); needs --gt and one answer file without faults");
  }
};

Task task_of(const ValidateOptions& options) {
  const Task task = task_of_inputs("validate", options.inputs);
  if (options.submission.empty()) return task;
  if (const std::string why = no_server(task); !why.empty())
    throw UsageError(explain("--submission", why));
  if (options.gt.empty() || options.inputs.size() != 2 || options.partial)
    throw UsageError(explain("--submission",
                             options.gt.empty() ? "no --gt" : "several files or --partial",
                             "--gt FILE and one whole answer file"));
  return task;
}

// Where the annotation file has answers, those that the lines state must be theirs.
void compare_truth(Task task, const ValidateOptions& options, Validation& validation) {
  if (!validation.file || options.gt.empty()) return;
  std::optional<TruthFile> truth;
  try {
    truth = read_truth(task, {.annotations = options.gt, .scans = options.scans});
  } catch (const InputError&) {
    return;  // a split without public answers, or boxes are needed: `score` compares these
  }
  try {
    join(*validation.file, &*truth, true);
  } catch (const InputError& error) {
    validation.faults.emplace_back(error.what());
  }
}

// Prints what there is to say of one file. Returns whether it is sound.
bool tell(const std::string& name, const Validation& validation, const Context& context) {
  for (const std::string& fault : validation.faults) context.print(fault + "\n");
  if (!validation.faults.empty()) return false;
  std::string text = name + ": ok, " + plural(validation.answers, "answer");
  if (validation.empty > 0) text += ", " + std::to_string(validation.empty) + " of them empty";
  if (validation.unreadable > 0)
    text += ", " + std::to_string(validation.unreadable) + " that cannot be read as an answer";
  context.print(text + "\n");
  return true;
}

bool validate_rollouts(const std::vector<fs::path>& files, bool partial, const Context& context) {
  Validation out;
  try {
    out.answers = static_cast<std::size_t>(measure_rollouts(files, 0, partial).ids.size());
  } catch (const InputError& error) {
    out.faults.emplace_back(error.what());
  }
  return tell(files.front().string(), out, context);
}

RunResult run_validate(const ValidateOptions& options, const Context& context) {
  const Task task = task_of(options);
  std::vector<fs::path> files;
  for (std::size_t i = 1; i < options.inputs.size(); ++i)
    files.push_back(answer_file(options.inputs[i]));
  refuse_inputs_as_outputs({options.submission},
                           {options.gt, options.boxes, options.labels, options.scans});
  refuse_inputs_as_outputs({options.submission, options.record}, files);
  std::size_t bad = 0;
  if (!options.record.empty()) {
    Digests digests;
    for (const auto& [role, path] : {std::pair{"gt", options.gt},
                                     {"boxes", options.boxes},
                                     {"labels", options.labels},
                                     {"scans", options.scans}})
      if (!path.empty()) digests[role] = sha256_of_file(path);
    if (digests.empty())
      throw UsageError(explain("--record", "no annotation file", "--gt FILE at least"));
    for (const std::string& fault : compare_record(options.record, task, digests)) {
      context.print(fault + "\n");
      bad = 1;
    }
  }
  std::optional<AskedQuestions> questions;
  if (!options.gt.empty() && task != Task::kLibero)
    questions = read_questions(task, options.gt, options.scans);
  std::optional<AnswerFile> whole;
  if (task == Task::kLibero) {
    bad += validate_rollouts(files, options.partial, context) ? 0 : 1;
  } else {
    for (const fs::path& file : files) {
      Validation validation = validate_answers(file_text(file), file.string(), task,
                                               questions ? &*questions : nullptr, options.partial);
      compare_truth(task, options, validation);
      if (!tell(file.string(), validation, context)) ++bad;
      whole = std::move(validation.file);
    }
  }
  if (bad > 0) {
    log_error("faults were found, see above{}",
              options.submission.empty() ? "" : "; no submission was written");
    return {.exit_code = 3};
  }
  if (!options.submission.empty())
    publish_output(options.submission, submission_text(*whole, *questions, options.labels));
  return {};
}

}  // namespace

Validation validate_answers(std::string_view text, const std::string& name, Task task,
                            const AskedQuestions* questions, bool partial) {
  Validation out;
  std::vector<Answer> answers = read_lines(text, name, task, out);
  out.answers = answers.size();
  if (answers.empty() && out.faults.empty())
    out.faults.push_back(explain(name, "no answer", "a JSON object a line"));
  const bool readable = out.faults.empty();
  if (questions != nullptr)
    compare_with(*questions, answers, name, partial, out);
  else if (readable)
    compare_count(task, answers.size(), name, partial, out);
  if (readable) out.file = AnswerFile{.path = name, .task = task, .answers = std::move(answers)};
  return out;
}

std::vector<std::string> compare_record(const fs::path& record, Task task, const Digests& digests) {
  const std::string name(name_in(task_names(), task));
  Json json = Json::object();
  std::vector<std::string> faults;
  bool added = false;
  if (fs::exists(record)) {
    json = read_json(record, "a record of annotation files (vega-eval validate --record)");
    if (json["schema"].text_or("") != kRecordSchema)
      throw FormatError(explain(record.string() + ": schema", shown(json["schema"]),
                                "\"vega.record/1\"", "name another file"));
  } else {
    json.add("schema", kRecordSchema);
    json.add("tasks", Json::object());
  }
  Json known = json["tasks"][name];
  for (const auto& [role, digest] : digests) {
    const std::string* before = known[role].text();
    if (before == nullptr) {
      known.set(role, digest);
      added = true;
    } else if (*before != digest) {
      faults.push_back(explain("--" + role, "sha256 " + digest,
                               *before + ", as " + record.string() + " has it for " + name,
                               "the annotation file has changed since it was recorded"));
    }
  }
  if (!faults.empty() || !added) return faults;
  Json tasks = json["tasks"];
  tasks.set(name, std::move(known));
  json.set("tasks", std::move(tasks));
  publish_output(record, json.dump(2) + "\n");
  return faults;
}

Verb validate_verb() {
  return make_verb<ValidateOptions>(
      "validate", "check that answer files are whole, of the right split, and readable",
      "Every line is checked: its form, finite boxes without negative extents, each question once; "
      "with\n"
      "--gt also that all questions of the split are answered and no others. Faults go to stdout, "
      "one a\n"
      "line; exit code 3 where there are any.\n\n"
      "Examples:\n"
      "  vega-eval validate sqa3d answers.jsonl --gt "
      "v1_balanced_sqa_annotations_test_scannetv2.json\n"
      "  vega-eval validate scanqa answers.jsonl --gt ScanQA_v1.0_test_wo_obj.json --submission "
      "pred.json\n\n"
      "See also: merge; score; docs/tables.md",
      run_validate);
}

}  // namespace vega::score
