#include "evaluate/task_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/key.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "core/device.h"
#include "evaluate/task_answers.h"
#include "evaluate/task_dry_run.h"
#include "evaluate/task_setup.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

constexpr auto kBadQuestions = "questions";  // key of the records that cannot be asked

// Bad records cost only themselves.
class BadQuestions final : public ItemWork {
 public:
  explicit BadQuestions(TaskSession& session) : file_(session.setup.questions), session_(session) {}
  void prepare() override {}
  bool complete() const override { return false; }
  void compute() override {
    for (const tasks::BadSample& bad : file_.bad)
      log_error("{}{}: {}", bad.place, bad.id.empty() ? "" : " (" + bad.id + ")", bad.why);
    session_.failed = true;
  }
  std::string output() const override { return file_.path.string(); }
  void describe(ItemReport& report) const override {
    report.outcome = Outcome::kFailed;
    report.error = plural(file_.bad.size(), "record") + " that cannot be asked";
    Json list = Json::list();
    for (const tasks::BadSample& bad : file_.bad)
      list.push({{"id", bad.id}, {"place", bad.place}, {"error", bad.why}});
    report.details = Json{{"failed_questions", list}}.dump();
  }

 private:
  const tasks::SampleFile& file_;
  TaskSession& session_;
};

// The scenes of this shard; the first shard has the bad records of the file before them.
ItemList items_of(const TaskSetup& setup, const TaskPlan& plan) {
  ItemList list;
  if (!setup.questions.bad.empty() && setup.shard.index == 0)
    list.items.push_back({kBadQuestions, setup.questions.path});
  for (const ScenePlan& scene : plan.scenes)
    list.items.push_back({scene.scene, setup.input_of(scene)});
  return list;
}

void log_counts(const TaskLog& log, std::size_t asked) {
  const AnswerCounts counts = log.counts();
  log_info("all parts: {} of {}; {} unreadable (bytes that are no UTF-8), {} empty, {} cut{}",
           counts.answers, plural(asked, "question"), counts.unreadable, counts.empty, counts.cut,
           counts.without_note == 0
               ? ""
               : fmt::format("; of {} that is not known", counts.without_note));
}

void log_speed(const TaskSession& session) {
  if (session.answered == 0) return;
  const double seconds = std::max(1e-9, seconds_since(session.start));
  const auto memory = device_memory(session.setup.device);
  const auto a_second = [seconds](auto count) { return static_cast<double>(count) / seconds; };
  log_info("{} in {:.1f} s: {:.2f} questions/s{}, peak memory {}",
           plural(session.answered, "answer"), seconds, a_second(session.answered),
           session.tokens == 0 ? "" : fmt::format(", {:.1f} tokens/s", a_second(session.tokens)),
           bytes_text(static_cast<double>(memory.peak)));
}

RunResult answer_scenes(const TaskSetup& setup, const TaskPlan& plan, TaskLog& log,
                        const Context& context) {
  std::map<std::string, const ScenePlan*> scenes;
  for (const ScenePlan& scene : plan.scenes) scenes.emplace(scene.scene, &scene);
  const ItemList list = items_of(setup, plan);
  Progress progress(setup.task_name(), "questions", static_cast<std::int64_t>(plan.left),
                    context.progress);
  TaskSession session{setup, log, progress};
  session.batch.rows = setup.options.task.batch.value_or(0);
  const RunPlan run{.list = list, .options = setup.options.task.run, .manifest = false};
  const TaskSetup::MakeAnswers answers = setup.answers(session);
  const auto work_of = [&](const Item& item) -> std::unique_ptr<ItemWork> {
    if (item.path == setup.questions.path) return std::make_unique<BadQuestions>(session);
    return answers(*scenes.at(item.key));
  };
  RunResult result;
  try {
    result = run_items(run, context, work_of);
  } catch (...) {
    log_speed(session);
    throw;
  }
  log_speed(session);
  return result;
}

}  // namespace

int run_task(const AnswerVerb& options, const MakeScanPart& make, const Context& context) {
  keep_freed_memory();
  const std::unique_ptr<TaskSetup> made = make_task_setup(options, make, context);
  const TaskSetup& setup = *made;
  const fs::path out = options.out;
  const auto plan_for = [&](const auto& answered) {
    return plan_questions(setup.questions.samples, setup.shard, answered);
  };
  const auto none = [](const std::string&) { return false; };
  std::vector<std::string> scenes;  // of this shard: those of the others are theirs to look at
  for (const ScenePlan& scene : plan_for(none).scenes) scenes.push_back(scene.scene);
  const Json run = setup.run(scenes);
  if (options.task.run.dry_run) return dry_run(setup, run, context);
  AnswersThere there;
  if (!options.task.overwrite) there = look_at_answers(out, run);
  // Before anything is removed or written. A run.json that differs is refused by the log.
  if (there.differences.empty())
    setup.check(plan_for([&](const auto& id) { return there.lines.contains(id); }));
  if (options.task.overwrite) remove_answers(out);
  TaskLog log(out, setup.shard, run);
  const TaskPlan plan = plan_for([&](const std::string& id) { return log.has(id); });
  log_info("{}: {} of {}{}, {} answered already", setup.task_name(),
           plural(plan.questions, "question"), plural(plan.scenes.size(), setup.unit),
           setup.shard.count > 1
               ? fmt::format(" (shard {} of {})", setup.shard.index, setup.shard.count)
               : "",
           plan.questions - plan.left);
  const RunResult result = answer_scenes(setup, plan, log, context);
  log_counts(log, setup.questions.samples.size());
  const fs::path written = setup.shard.count == 1 ? log.publish_answers() : log.part();
  if (context.manifest) context.manifest(scene_key(out), written.string());
  return result.exit_code;
}

}  // namespace vega::evaluate
