#include "evaluate/task_dry_run.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/text.h"
#include "evaluate/task_log.h"
#include "evaluate/task_plan.h"
#include "run/report.h"

namespace vega::evaluate {
namespace {

std::string wrong_settings(const TaskSetup& setup, const TaskPlan& plan) {
  try {
    setup.check(plan);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

int dry_run(const TaskSetup& setup, const Json& run, const Context& context) {
  AnswersThere there = look_at_answers(setup.options.out, run);
  if (setup.options.task.overwrite) there = {};
  const TaskPlan plan =
      plan_questions(setup.questions.samples, setup.shard,
                     [&](const std::string& id) { return there.lines.contains(id); });
  const AnswerPace pace =
      setup.options.task.overwrite ? AnswerPace() : pace_of_answers(setup.options.out);
  std::vector<Item> items;
  for (const ScenePlan& scene : plan.scenes) items.push_back({scene.scene, setup.input_of(scene)});
  RunReport report(setup.options.task.run.report, items, true);
  const TaskOutlook outlook = setup.look(plan, report);
  std::string text = fmt::format(
      "{}: {} of {}{} in {}\n"
      "answered already: {}\n"
      "to answer: {} of {}\n"
      "{}\n",
      setup.task_name(), plural(plan.questions, "question"), plural(plan.scenes.size(), setup.unit),
      setup.shard.count > 1 ? fmt::format(" (shard {} of {})", setup.shard.index, setup.shard.count)
                            : "",
      setup.questions.path.string(), plan.questions - plan.left, plural(plan.left, "question"),
      plural(plan.scenes_left(), setup.unit), outlook.counts);
  const std::string wrong = wrong_settings(setup, plan);
  text += wrong.empty() ? outlook.missing_lines
                        : fmt::format("no {} can be answered: {}", setup.unit, wrong) + "\n";
  if (!setup.questions.bad.empty()) {
    text += fmt::format("records that cannot be asked: {}\n", setup.questions.bad.size());
    for (const tasks::BadSample& bad : setup.questions.bad)
      text += fmt::format("  {}: {}\n", bad.place, bad.why);
  }
  text += outlook.forecast;
  if (pace.answers > 0)
    text += fmt::format(
        "at the pace of the {} that are there: about {:.0f} s\n", plural(pace.answers, "answer"),
        pace.seconds / static_cast<double>(pace.answers) * static_cast<double>(plan.left));
  if (!there.differences.empty()) {
    text += fmt::format("{} holds answers that were made in another way:\n", setup.options.out);
    for (const std::string& difference : there.differences) text += "  " + difference + "\n";
  }
  context.print(text);
  const int code = !there.differences.empty() || !wrong.empty()          ? 3
                   : outlook.missing > 0 || !setup.questions.bad.empty() ? 4
                                                                         : 0;
  report.finish(code);
  return code;
}

}  // namespace vega::evaluate
