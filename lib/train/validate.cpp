#include "train/validate.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <system_error>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "base/text.h"
#include "train/metrics_file.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMean = "mean";

std::string task_name(tasks::Task task) {
  return std::string(name_in<tasks::Task>(tasks::kTasks, task));
}

// One of several parts of a line of validation.jsonl.
double main_value(const Json& task) {
  return task["metrics"][task["main"].text_or("")]["value"].number().value_or(StepMetrics::kNone);
}

// The number that `metric` names, of the tasks' scores. NaN: there is none.
double value_of(const BestMetric& metric, const Json& tasks) {
  if (!metric.task.empty())
    return tasks[metric.task]["metrics"][metric.metric]["value"].number().value_or(
        StepMetrics::kNone);
  double sum = 0;
  for (const JsonMember& task : tasks.members()) sum += main_value(task.value);
  return sum / static_cast<double>(tasks.size());
}

// "TASK:METRIC", a metric of the only task, "mean"; empty: the main metric of the first task.
BestMetric best_metric(const std::string& text, const std::vector<tasks::Task>& tasks) {
  if (text == kMean) return {};
  if (text.empty()) return {task_name(tasks[0]), std::string(main_metric(tasks[0]))};
  const std::size_t colon = text.find(':');
  if (colon == text.npos) {
    if (tasks.size() > 1)
      throw UsageError(explain("--best", "'" + text + "'", "TASK:METRIC or mean",
                               "--validate names several tasks"));
    return {task_name(tasks[0]), text};
  }
  const std::string task = text.substr(0, colon);
  for (const tasks::Task one : tasks)
    if (task == task_name(one)) return {task, text.substr(colon + 1)};
  throw UsageError(explain("--best", "'" + text + "'", "a task of the files of --validate"));
}

// Whether a question has the answers that the scorer reads. Train splits have theirs in the
// conversation alone, where it does not look.
bool is_scored(const tasks::Sample& sample) {
  if (sample.task == tasks::Task::kScanQa) return !sample.answers.empty();
  if (sample.task == tasks::Task::kScan2Cap) return !sample.captions.empty();
  return sample.has_truth;
}

// What a question is about: a scene by its key, a video by DATASET/SCENE.
const std::string& place_of(const tasks::Sample& sample) {
  return sample.task == tasks::Task::kVsi ? sample.video : sample.scene;
}

// At most `count` of the samples, evenly spread over the file.
std::vector<tasks::Sample> spread(std::vector<tasks::Sample> samples, std::int64_t count) {
  const std::size_t n = samples.size(), most = static_cast<std::size_t>(count);
  if (count <= 0 || n <= most) return samples;
  std::vector<tasks::Sample> out;
  for (std::size_t i = 0; i < most; ++i) out.push_back(std::move(samples[i * n / most]));
  return out;
}

}  // namespace

void ValidationOptions::visit(OptionVisitor& v) {
  v.texts("--validate", files, "FILE",
          "processed questions that are answered and scored during training (repeat for several "
          "tasks); TASK=FILE where the file does not say its task");
  v.integer("--validate-every", every, "N", {1, 1'000'000'000},
            "steps from one validation to the next; the last step is validated, too");
  v.integer("--validate-count", count, "N", {0, 1'000'000'000},
            "questions of each file, evenly spread over it; 0: all");
  v.text("--best", best, "METRIC",
         "what makes a step the best one: TASK:METRIC of vega-eval score, or mean (of all tasks' "
         "main metrics); default: the main metric of the first file (Acc@0.5, F1@0.5, CIDEr, EM, "
         "accuracy, average)");
  v.text("--videos", videos, "DIR",
         "the folder of the videos that --validate asks a Qwen2.5-VL about: DATASET/SCENE.mp4");
  v.integer("--validate-frames", frames, "N", {1, 1 << 20},
            "frames of each of these videos, evenly spread");
}

std::string BestMetric::name() const {
  return task.empty() ? std::string(kMean) : task + ":" + metric;
}

std::string_view main_metric(tasks::Task task) {
  switch (task) {
    case tasks::Task::kScanRefer: return "Acc@0.5";
    case tasks::Task::kMulti3DRefer: return "F1@0.5";
    case tasks::Task::kScan2Cap: return "CIDEr";
    case tasks::Task::kScanQa: return "EM";
    case tasks::Task::kSqa3d: return "EM";
    case tasks::Task::kNr3d: return "accuracy";
    case tasks::Task::kVsi: return "average";
    case tasks::Task::kCvBench:
    case tasks::Task::kBlink:
    case tasks::Task::kScanReferFrames:
    case tasks::Task::kScan2CapFrames:
    case tasks::Task::kSpar:
    case tasks::Task::kLlavaHound: break;  // no file of --validate has them
  }
  return "";
}

std::string Validation::Set::name() const { return task_name(task); }

Validation::Validation(const ValidationOptions& options, tasks::ReadScored score,
                       const AskedTasks& asked)
    : options_(options), score_(std::move(score)) {
  std::vector<tasks::Task> all;
  std::set<std::string> seen;
  for (const std::string& text : options.files) {
    const QuestionFile file = question_file(text, asked);
    if (std::find(all.begin(), all.end(), file.task) != all.end())
      throw UsageError(explain("--validate", "two files of " + task_name(file.task),
                               "one file a task", "join them into one"));
    all.push_back(file.task);
    tasks::SampleFile read = tasks::read_samples(file.path, file.task);
    for (const tasks::BadSample& bad : read.bad) log_warn("{}: {}: left out", bad.place, bad.why);
    std::erase_if(read.samples, [](const tasks::Sample& one) { return !is_scored(one); });
    if (read.samples.empty())
      throw InputError(
          explain(file.path.string(), "no question with a public answer",
                  "a split that can be scored, as vega-eval prepare writes it for val"));
    sets_.push_back({file.task, file.path, spread(std::move(read.samples), options.count)});
    for (const tasks::Sample& one : sets_.back().samples)
      if (!one.no_proposal && seen.insert(place_of(one)).second) scenes_.push_back(place_of(one));
  }
  if (all.empty()) throw UsageError(explain("--validate", "no file", "processed questions"));
  best_ = best_metric(options.best, all);
}

bool Validation::needs_objects() const {
  return std::any_of(sets_.begin(), sets_.end(),
                     [](const Set& set) { return tasks::is_grounding(set.task); });
}

std::size_t Validation::question_count() const {
  std::size_t out = 0;
  for (const Set& set : sets_) out += set.samples.size();
  return out;
}

bool Validation::is_due(std::int64_t step, std::int64_t last) const {
  return step == last || step % options_.every == 0;
}

bool Validation::is_done(const fs::path& run, std::int64_t step) const {
  const std::vector<Json> lines = validation_lines(run);
  return std::any_of(lines.begin(), lines.end(),
                     [&](const Json& line) { return line["step"].whole() == step; });
}

std::optional<ValidationResult> Validation::best_so_far(const fs::path& run) const {
  std::optional<ValidationResult> out;
  for (const Json& line : validation_lines(run)) {
    if (!line["best"].flag().value_or(false)) continue;
    out.emplace();
    out->step = line["step"].whole().value_or(0);
    out->metric = line["metric"].text_or("");
    out->value = line["value"].number().value_or(StepMetrics::kNone);
    out->best = true;
  }
  return out;
}

std::map<std::string, std::vector<std::size_t>> places_by_scene(
    std::span<const tasks::Sample> samples, const std::string& model_id, std::vector<Json>& lines) {
  std::map<std::string, std::vector<std::size_t>> out;
  lines.resize(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].no_proposal)
      lines[i] = tasks::answer_line(samples[i], {}, model_id);
    else
      out[place_of(samples[i])].push_back(i);
  }
  return out;
}

// {"n", "of", "matcher", "main", "metrics": {NAME: {"value", "lo", "hi", "n"}}}
Json Validation::scored(const Set& set, const fs::path& answers) const {
  tasks::ScoredSources sources;
  sources.task = set.name();
  sources.answers = answers;
  sources.gt = set.path.string();
  sources.intervals = true;
  const tasks::ScoredFile found = score_(sources);
  for (const std::string& note : found.notes) log_debug("validation of {}: {}", set.name(), note);
  if (!found.broken.empty())
    throw InputError(explain("validation of " + set.name(),
                             plural(found.broken.size(), "question") + " that cannot be scored: " +
                                 found.broken[0].id + ": " + found.broken[0].why));
  Json metrics = Json::object();
  for (const tasks::ScoredValue& one : found.values)
    metrics.set(one.metric,
                {{"value", one.value}, {"lo", one.low}, {"hi", one.high}, {"n", one.n}});
  return {{"n", found.n},
          {"of", found.of},
          {"matcher", found.matcher},
          {"main", main_metric(set.task)},
          {"metrics", std::move(metrics)}};
}

ValidationResult Validation::run(const AnswerSet& answer, std::int64_t step,
                                 const fs::path& run) const {
  const auto begun = Clock::now();
  ValidationResult out;
  out.step = step;
  out.metric = best_.name();
  const fs::path folder = run / "validation" / fmt::format("step-{:08}", step);
  Json tasks = Json::object();
  for (const Set& set : sets_) {
    std::string text;
    for (const Json& line : answer(set.samples)) text += line.dump() + "\n";
    const fs::path answers = folder / (set.name() + ".jsonl");
    publish_file(answers, text);
    tasks.set(set.name(), scored(set, answers));
    out.questions += std::ssize(set.samples);
  }
  for (const JsonMember& task : tasks.members())
    out.text += fmt::format("{}{} {} {:.2f} (n {})", out.text.empty() ? "" : ", ", task.name,
                            task.value["main"].text_or(""), main_value(task.value),
                            task.value["n"].whole().value_or(0));
  out.value = value_of(best_, tasks);
  if (!std::isfinite(out.value))
    throw InputError(explain("--best " + out.metric, "a metric without a number",
                             "one of " + metric_names(tasks)));
  std::vector<Json> lines = validation_lines(run);
  std::erase_if(lines, [step](const Json& line) { return line["step"].whole() >= step; });
  out.best = std::all_of(lines.begin(), lines.end(), [&](const Json& line) {
    return !(value_of(best_, line["tasks"]) >= out.value);
  });
  out.seconds = seconds_since(begun);
  lines.push_back({{"step", step},
                   {"metric", out.metric},
                   {"value", out.value},
                   {"best", out.best},
                   {"seconds", out.seconds},
                   {"tasks", std::move(tasks)}});
  write_validation_lines(run, lines);
  return out;
}

}  // namespace vega::train
