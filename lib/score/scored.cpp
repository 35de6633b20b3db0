#include "score/scored.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/text.h"
#include "score/captions.h"
#include "score/lines.h"
#include "score/sha256.h"
#include "score/summary.h"
#include "tasks/grounding.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;
using tasks::ScoredAnswer;
using tasks::ScoredFile;
using tasks::ScoredQuestion;
using tasks::ScoredSources;
using tasks::ScoredValue;

// The files that `answers` stands for.
struct Inputs {
  fs::path answers;              // empty: none
  std::optional<Scores> scores;  // scores.json
  fs::path scores_path, folder;
};

bool is_score_file(const fs::path& path) {
  return path.extension() == ".json" && fs::is_regular_file(path);
}

Inputs inputs_of(const fs::path& path) {
  Inputs out;
  if (fs::is_directory(path)) {
    out.folder = path;
    if (fs::exists(path / "answers.jsonl")) out.answers = path / "answers.jsonl";
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

// The benchmark that a file says its answers are of.
struct StatedTask {
  std::string where;
  Task task{};
};

// By the dataset that all lines name; nothing where they name none, several or no benchmark.
std::optional<Task> task_of_lines(const fs::path& answers) {
  std::set<std::string> names;
  try {
    each_record(file_text(answers), answers.string(), "a line of answers",
                [&](std::size_t, const Json& record) {
                  names.insert(std::string(record["dataset"].text_or("")));
                });
  } catch (const FormatError&) {
    return std::nullopt;  // whoever reads the answers says so
  }
  if (names.size() != 1) return std::nullopt;
  return task_of_dataset(*names.begin());
}

std::optional<StatedTask> stated_task(const Inputs& inputs) {
  if (!inputs.answers.empty())
    if (const auto task = task_of_lines(inputs.answers))
      return StatedTask{inputs.answers.string(), *task};
  const auto named = [](const fs::path& where, std::string_view name) -> std::optional<StatedTask> {
    if (const auto task = find_choice(task_names(), name)) return StatedTask{where.string(), *task};
    return std::nullopt;
  };
  const fs::path run = inputs.folder / "run.json";
  if (!inputs.answers.empty() && fs::exists(run))
    if (auto out = named(run, read_json(run, "run.json of the answers")["task"].text_or("")))
      return out;
  return inputs.scores ? named(inputs.scores_path, inputs.scores->task) : std::nullopt;
}

Task task_of(const ScoredSources& sources, const Inputs& inputs) {
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

ScoredAnswer answer_of(const Answer& answer, Task task, const Matching& matching) {
  ScoredAnswer out;
  out.text = answer.text;
  out.object = answer.object;
  out.unreadable = answer.unreadable;
  out.empty = answer.empty;
  out.cut = answer.cut;
  const bool chosen_by_scores =
      task == Task::kMulti3DRefer && !answer.scores.empty() && !std::isnan(answer.scores[0]);
  if (!chosen_by_scores) {
    out.boxes.assign(answer.boxes.begin(), answer.boxes.end());
  } else {
    for (const std::size_t i : tasks::chosen_boxes(
             answer.scores, {matching.threshold, matching.matcher == "renormalised"}))
      out.boxes.push_back(answer.boxes[i]);
  }
  return out;
}

// A prompt of the release without the instruction, the place of the picture and what every prompt
// of its task says (data/prompts).
std::string plain_question(std::string_view prompt) {
  constexpr std::string_view kImage = "<image>";
  if (const std::size_t at = prompt.rfind(kImage); at != prompt.npos)
    prompt.remove_prefix(at + kImage.size());
  prompt = trim(prompt);
  constexpr std::string_view kBefore =
      "Identify the object according to the following description.";
  constexpr std::string_view kBehind =
      "There may be no corresponding object, or there may be one or more objects.";
  if (prompt.starts_with(kBefore)) prompt.remove_prefix(kBefore.size());
  if (prompt.ends_with(kBehind)) prompt.remove_suffix(kBehind.size());
  return std::string(trim(prompt));
}

// "<coord>" of a Scan2Cap prompt is a place in the room: the centre of the given box.
void write_coordinate(const std::optional<tasks::BoxMetres>& box, std::string& question) {
  constexpr std::string_view kCoord = "<coord>";
  const std::size_t at = question.find(kCoord);
  if (!box || at == question.npos) return;
  const std::size_t end = at + kCoord.size();
  question.replace(at, kCoord.size() + (question.compare(end, 2, " ,") == 0 ? 1 : 0),
                   fmt::format("({:.2f}, {:.2f}, {:.2f}) m", (*box)[0], (*box)[1], (*box)[2]));
}

ScoredQuestion question_of(const Question& one, Task task, const Matching& matching) {
  ScoredQuestion out;
  out.id = one.truth.id;
  out.scene = one.truth.scene.empty() ? one.answer.scene : one.truth.scene;
  out.type = one.truth.type;
  out.question =
      plain_question(one.truth.question.empty() ? one.answer.prompt : one.truth.question);
  out.texts = one.truth.answers;
  out.boxes.assign(one.truth.boxes.begin(), one.truth.boxes.end());
  out.objects = one.truth.objects;
  out.given_box = one.truth.given_box;
  write_coordinate(out.given_box, out.question);
  out.answer = answer_of(one.answer, task, matching);
  return out;
}

// How well the box of each ScanRefer question fits, beside the two rates of the benchmark: cases
// are sorted by it.
Measure iou_measure(const Questions& questions) {
  std::vector<double> earned;
  for (const Question& one : questions.list)
    earned.push_back(one.answer.boxes.empty() || one.truth.boxes.empty()
                         ? 0
                         : 100 * metrics::box_iou(one.answer.boxes[0], one.truth.boxes[0]));
  return mean("IoU", std::move(earned));
}

std::vector<Measure> measures_of(const Questions& questions, const Measured& measured) {
  std::vector<Measure> out;
  for (const Measure& one : measured.measures)
    if (one.missing.empty() && one.earned.size() == questions.list.size()) out.push_back(one);
  if (questions.task == Task::kScanRefer) out.push_back(iou_measure(questions));
  return out;
}

std::vector<std::string_view> main_metrics(Task task) {
  switch (task) {
    case Task::kScanRefer: return {"IoU"};
    case Task::kMulti3DRefer: return {"F1@0.5", "F1@0.25"};
    case Task::kScan2Cap: return {"CIDEr"};
    case Task::kScanQa: return {"EM", "CIDEr"};
    default: return {};
  }
}

void set_metrics(Task task, const std::vector<Measure>& measures, ScoredFile& out) {
  for (const Measure& one : measures) out.metrics.push_back({one.name, one.sums.most});
  for (const std::string_view name : main_metrics(task))
    for (std::size_t m = 0; m < out.metrics.size(); ++m)
      if (out.metrics[m].name == name) out.main.push_back(m);
  if (out.main.empty() && !out.metrics.empty()) out.main.push_back(0);
}

std::vector<double> earned_of(const std::vector<Measure>& measures, std::size_t question) {
  std::vector<double> out;
  for (const Measure& one : measures) out.push_back(one.earned[question]);
  return out;
}

std::vector<ScoredValue> values_of(const Metrics& metrics) {
  std::vector<ScoredValue> out;
  for (const auto& [name, value] : metrics)
    out.push_back({name, value.value, value.low, value.high, value.n, value.reason});
  return out;
}

void set_values(const Scores& scores, ScoredFile& out) {
  out.values = values_of(scores.metrics);
  for (const auto& [group, metrics] : scores.breakdown)
    out.groups.emplace_back(group, values_of(metrics));
  out.matcher = scores.matcher;
  out.n = scores.n;
  out.of = scores.of;
  out.unreadable = scores.unreadable;
  out.empty = scores.empty;
  out.cut = scores.cut;
  if (out.run.is_null()) out.run = scores.run;
}

// Whether a score file was made of these very answers; one that names none of this name may be.
bool made_of(const Scores& scores, const fs::path& answers) {
  std::optional<std::string> digest;
  for (const auto& [file, known] : scores.inputs) {
    if (fs::path(file).filename() != answers.filename()) continue;
    if (!digest) digest = sha256_of_file(answers);
    if (known == *digest) return true;
  }
  return !digest;
}

// The processed questions that a run of `vega-eval answer` was asked, where they still are where
// they were and are the same; else nothing.
std::string questions_of_run(const fs::path& folder) {
  const fs::path path = folder / "run.json";
  if (!fs::exists(path)) return {};
  const Json run = read_json(path, "run.json of the answers");
  const std::string file = run["provenance"]["questions"].text_or("");
  const std::string digest = run["questions"]["digest"].text_or("");
  std::error_code none;
  if (file.empty() || digest.empty() || !fs::is_regular_file(file, none)) return {};
  constexpr std::size_t kMost = std::size_t{8} << 30;
  return xxh3_hex(read_text(file, "questions", kMost)) == digest ? file : std::string();
}

// What all answer files of a call share.
struct Judge {
  Task task{};
  std::optional<TruthFile> truth;
  std::unique_ptr<CaptionScorer> captions;
  Matching matching;

  Judge(const ScoredSources& sources, Task which, const fs::path& folder,
        const ReadScene& read_scene)
      : task(which) {
    matching.matcher = matcher_name(task, sources.matcher);
    matching.threshold = sources.threshold;
    matching.threads = sources.threads > 0 ? static_cast<int>(sources.threads) : available_cores();
    matching.partial = true;
    std::string gt = sources.gt;
    if (const auto at = sources.gt_of.find(std::string(name_in(task_names(), task)));
        gt.empty() && at != sources.gt_of.end())
      gt = at->second;
    if (gt.empty()) gt = questions_of_run(folder);
    if (!gt.empty())
      truth = read_truth(task, {gt, sources.questions, sources.gt_boxes, sources.scenes,
                                sources.labels, sources.scans, read_scene, true});
    if (task == Task::kScanQa || task == Task::kScan2Cap) {
      captions = std::make_unique<CaptionScorer>(open_meteor(
          sources.meteor_dir, sources.wordnet_dir.empty() ? kWordNetFolder : sources.wordnet_dir));
      matching.captions = captions.get();
    }
  }

  Questions join_with(AnswerFile answers) const {
    return join(std::move(answers), truth ? &*truth : nullptr, true);
  }
};

void add_broken(const Judge& judge, const AnswerFile& answers, ScoredFile& out) {
  if (!judge.truth) return;
  for (const Answer& answer : answers.answers)
    if (const auto at = judge.truth->broken.find(answer.id); at != judge.truth->broken.end())
      out.broken.push_back({answer.id, at->second.scene, at->second.why});
}

// The other system's answers, beside ours. Measured among all of its own questions.
void add_against(const Judge& judge, const Questions& ours, const ScoredSources& sources,
                 ScoredFile& out) {
  const Inputs inputs = inputs_of(sources.against);
  if (inputs.answers.empty())
    throw InputError(explain(sources.against.string(), "scores without answers", "answers.jsonl"));
  Questions theirs = judge.join_with(read_answers(inputs.answers, judge.task));
  const std::vector<Measure> measures = measures_of(theirs, measure(theirs, judge.matching));
  std::unordered_map<std::string, std::size_t> place;
  for (std::size_t i = 0; i < theirs.list.size(); ++i) place[theirs.list[i].truth.id] = i;
  Questions common_ours = ours, common_theirs = theirs;
  const auto shared = [&](const Question& one) { return place.contains(one.truth.id); };
  std::erase_if(common_ours.list, [&](const Question& one) { return !shared(one); });
  std::unordered_set<std::string> ids;
  for (const Question& one : common_ours.list) ids.insert(one.truth.id);
  std::erase_if(common_theirs.list,
                [&](const Question& one) { return !ids.contains(one.truth.id); });
  if (ids.empty())
    throw InputError(explain(inputs.answers.string(), "answers to other questions",
                             "some of the questions of " + sources.answers.string()));
  in_order_of(common_ours, std::move(common_theirs), inputs.answers.string(),
              sources.answers.string());  // throws where they state another truth
  for (ScoredQuestion& question : out.questions) {
    const auto at = place.find(question.id);
    if (at == place.end()) continue;
    question.against = answer_of(theirs.list[at->second].answer, judge.task, judge.matching);
    for (const ScoredFile::Metric& metric : out.metrics) {
      const auto same = std::find_if(measures.begin(), measures.end(),
                                     [&](const Measure& one) { return one.name == metric.name; });
      question.against->earned.push_back(same == measures.end()
                                             ? std::numeric_limits<double>::quiet_NaN()
                                             : same->earned[at->second]);
    }
  }
  if (ids.size() < out.questions.size())
    out.notes.push_back(std::to_string(ids.size()) + " of " +
                        plural(out.questions.size(), "question") + " are answered by " +
                        inputs.answers.string());
}

void add_questions(const ScoredSources& sources, const Inputs& inputs, Task task,
                   const ReadScene& read_scene, ScoredFile& out) {
  const Judge judge(sources, task, inputs.folder, read_scene);
  AnswerFile answers = read_answers(inputs.answers, task);
  out.run = answers.run;
  add_broken(judge, answers, out);
  if (!answers.answers.empty() && out.broken.size() == answers.answers.size())
    throw InputError(out.broken.front().why);
  const Questions questions = judge.join_with(std::move(answers));
  const Measured measured = measure(questions, judge.matching);
  const std::vector<Measure> measures = measures_of(questions, measured);
  set_metrics(task, measures, out);
  for (std::size_t i = 0; i < questions.list.size(); ++i) {
    ScoredQuestion one = question_of(questions.list[i], task, judge.matching);
    one.answer.earned = earned_of(measures, i);
    out.questions.push_back(std::move(one));
  }
  out.matcher = measured.matcher;
  out.n = static_cast<std::int64_t>(questions.list.size());
  out.of = questions.of;
  out.unreadable = measured.unreadable;
  out.empty = measured.empty;
  out.cut = measured.cut;
  for (const std::string& note : measured.notes) out.notes.push_back(note);
  for (const std::string& warning : measured.warnings) out.notes.push_back(warning);
  if (!sources.against.empty()) add_against(judge, questions, sources, out);
  if (sources.intervals && out.values.empty())
    set_values(scores_of(task, measured, Certainty{}), out);
}

}  // namespace

ScoredFile scored_questions(const ScoredSources& sources, const ReadScene& read_scene) {
  const Inputs inputs = inputs_of(sources.answers);
  const Task task = task_of(sources, inputs);
  const Benchmark& benchmark = benchmark_of(task);
  ScoredFile out;
  out.task = name_in(task_names(), task);
  out.title = benchmark.title;
  out.split = benchmark.split;
  const bool use_scores =
      inputs.scores && (inputs.answers.empty() || (inputs.scores->task == out.task &&
                                                   made_of(*inputs.scores, inputs.answers)));
  if (inputs.scores && !use_scores)
    out.notes.push_back(inputs.scores_path.string() +
                        " is of other answers than these: scored anew");
  if (use_scores) set_values(*inputs.scores, out);
  if (inputs.answers.empty() || task == Task::kLibero) {
    if (!use_scores)
      throw InputError(explain(sources.answers.string(), "rollouts of LIBERO", "their scores.json",
                               "vega-eval score libero LOGS -o scores.json"));
    return out;
  }
  try {
    add_questions(sources, inputs, task, read_scene, out);
  } catch (const InputError& error) {
    if (!use_scores) throw;  // numbers are there, cases are not
    out.questions.clear();
    out.no_cases = error.what();
  }
  if (use_scores) {
    out.values.clear();
    out.groups.clear();
    set_values(*inputs.scores, out);
  }
  return out;
}

}  // namespace vega::score
