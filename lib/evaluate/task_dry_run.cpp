#include "evaluate/task_dry_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "core/dtype.h"
#include "evaluate/profile_flops.h"
#include "evaluate/task_check.h"
#include "evaluate/task_log.h"
#include "evaluate/task_plan.h"
#include "models/qwen2/decoder.h"
#include "run/report.h"
#include "vlm/scene.h"

namespace vega::evaluate {
namespace {

constexpr double kPromptTokens = 96;  // of a question with what stands around it, about

// The scenes that are left, counted by whether their files are there.
struct Found {
  std::size_t ready = 0, to_make = 0, missing = 0;
  std::int64_t frames = 0;  // of the ready scene with the most
  std::string missing_lines;
};

Found look(const TaskSetup& setup, const TaskPlan& plan, RunReport& report) {
  Found out;
  for (std::size_t n = 0; n < plan.scenes.size(); ++n) {
    const ScenePlan& scene = plan.scenes[n];
    ItemReport item;
    item.key = scene.scene;
    item.outcome = scene.left.empty() ? Outcome::kComplete : Outcome::kNotStarted;
    item.numbers["left"] = static_cast<double>(scene.left.size());
    report.set(n, item);
    if (scene.left.empty()) continue;
    const ScanInputs inputs = setup.inputs_of(scene.scene);
    try {
      if (!files_are_there(inputs, setup.needed) && !inputs.by_key) {
        ++out.to_make;
        continue;
      }
      const ScanFiles found(inputs, setup.needed, {}, {});
      const OpenFiles open(found.paths(), setup.choice());
      // One scene tells whether features are of the checkpoint's recipe; all would take long.
      if (out.ready == 0) vlm::read_scene(setup.checkpoint, open.files, setup.switches);
      out.frames = std::max(out.frames, static_cast<std::int64_t>(open.frame_count()));
      ++out.ready;
    } catch (const InputError& error) {
      ++out.missing;
      item.outcome = Outcome::kFailed;
      item.error = error.what();
      report.set(n, item);
      out.missing_lines += fmt::format("  {}: {}, {}\n", scene.scene,
                                       plural(scene.left.size(), "question"), error.what());
    }
  }
  return out;
}

std::string forecast(const TaskSetup& setup, const TaskPlan& plan, const Found& found) {
  if (found.ready == 0) return "";
  const qwen2::Config& config = setup.checkpoint.config.text;
  const at::ScalarType type = scalar_type(setup.type);
  const std::int64_t per_frame =
      kTokenGrid * kTokenGrid +
      (setup.checkpoint.config.newlines == vlm::Newlines::kGrid ? kTokenGrid : 0);
  const auto visual = static_cast<double>(found.frames * per_frame);
  const double prefix = decoder_flops(config, 0, visual);
  const double question = decoder_flops(config, visual, kPromptTokens) - prefix;
  const double cache = visual * qwen2::Decoder::token_bytes(config, type);
  return fmt::format(
      "forecast: {:.0f} visual tokens a scene, read once ({:.3g} TFLOP), then {:.3g} TFLOP a "
      "question before its answer; {:.3g} TFLOP in all\n"
      "memory: weights of the decoder {}, keys and values of a scene {}\n",
      visual, prefix / 1e12, question / 1e12,
      (prefix * static_cast<double>(plan.scenes_left()) +
       question * static_cast<double>(plan.left)) /
          1e12,
      bytes_text(qwen2::Decoder::weight_bytes(config, type)), bytes_text(cache));
}

std::string wrong_settings(const TaskSetup& setup, const TaskPlan& plan) {
  try {
    check_settings(setup, plan);
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
  for (const ScenePlan& scene : plan.scenes)
    items.push_back({scene.scene, setup.inputs_of(scene.scene).scene});
  RunReport report(setup.options.task.run.report, items, true);
  const Found found = look(setup, plan, report);
  std::string text = fmt::format(
      "{}: {} of {}{} in {}\n"
      "answered already: {}\n"
      "to answer: {} of {}\n"
      "scenes: {} ready, {} to be made from scans, {} missing\n",
      setup.task_name(), plural(plan.questions, "question"), plural(plan.scenes.size(), "scene"),
      setup.shard.count > 1 ? fmt::format(" (shard {} of {})", setup.shard.index, setup.shard.count)
                            : "",
      setup.questions.path.string(), plan.questions - plan.left, plural(plan.left, "question"),
      plural(plan.scenes_left(), "scene"), found.ready, found.to_make, found.missing);
  const std::string wrong = wrong_settings(setup, plan);
  text += wrong.empty() ? found.missing_lines : "no scene can be answered: " + wrong + "\n";
  if (!setup.questions.bad.empty()) {
    text += fmt::format("records that cannot be asked: {}\n", setup.questions.bad.size());
    for (const tasks::BadSample& bad : setup.questions.bad)
      text += fmt::format("  {}: {}\n", bad.place, bad.why);
  }
  text += forecast(setup, plan, found);
  if (pace.answers > 0)
    text += fmt::format(
        "at the pace of the {} that are there: about {:.0f} s\n", plural(pace.answers, "answer"),
        pace.seconds / static_cast<double>(pace.answers) * static_cast<double>(plan.left));
  if (!there.differences.empty()) {
    text += fmt::format("{} holds answers that were made in another way:\n", setup.options.out);
    for (const std::string& difference : there.differences) text += "  " + difference + "\n";
  }
  context.print(text);
  const int code = !there.differences.empty() || !wrong.empty()        ? 3
                   : found.missing > 0 || !setup.questions.bad.empty() ? 4
                                                                       : 0;
  report.finish(code);
  return code;
}

}  // namespace vega::evaluate
