#include "score/scored.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "score/captions.h"
#include "score/scored_inputs.h"
#include "score/scored_question.h"
#include "score/summary.h"
#include "tasks/answer_parts.h"

namespace vega::score {
namespace {

namespace fs = std::filesystem;
using tasks::ScoredFile;
using tasks::ScoredQuestion;
using tasks::ScoredSources;
using tasks::ScoredValue;

// The IoU of the box of each ScanRefer question, in percent. Cases are sorted by it; the two rates
// of the benchmark only tell right from wrong.
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
  out.groups.clear();
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

// The truth and the way of comparing that all answer files of a call share.
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
    if (task == Task::kScanQa || task == Task::kScan2Cap || task == Task::kScan2CapFrames) {
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

// Sets the answers of the other system, and what they earn among all questions that it answered.
void add_against(const Judge& judge, const Questions& ours, const ScoredSources& sources,
                 ScoredFile& out) {
  const ScoredInputs inputs = find_scored_inputs(sources.against);
  if (inputs.answers.empty())
    throw InputError(
        explain(sources.against.string(), "scores without answers", tasks::kAnswersFile));
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
    question.against = scored_answer(theirs.list[at->second].answer, judge.task, judge.matching);
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

void add_questions(const ScoredSources& sources, const ScoredInputs& inputs, Task task,
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
    ScoredQuestion one = scored_question(questions.list[i], task, judge.matching);
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
  const ScoredInputs inputs = find_scored_inputs(sources.answers);
  const Task task = find_scored_task(sources, inputs);
  const Benchmark& benchmark = benchmark_of(task);
  ScoredFile out;
  out.task = name_in(task_names(), task);
  out.title = benchmark.title;
  out.split = benchmark.split;
  const bool use_scores =
      inputs.scores && (inputs.answers.empty() || (inputs.scores->task == out.task &&
                                                   scores_fit(*inputs.scores, inputs.answers)));
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
  if (use_scores) set_values(*inputs.scores, out);  // not those of the cases alone
  return out;
}

}  // namespace vega::score
