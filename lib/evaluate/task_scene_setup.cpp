#include "evaluate/task_scene_setup.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "base/text.h"
#include "evaluate/task_answers.h"
#include "evaluate/task_check.h"
#include "evaluate/task_scene.h"
#include "run/refuse_given.h"
#include "tasks/pictures.h"
#include "vlm/scene.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

const AnswerVerb& checked_for_scenes(const AnswerVerb& o) {
  const auto task = choice_of<tasks::Task>(tasks::kTasks, "TASK", o.inputs.at(0));
  if (task == tasks::Task::kVsi)
    throw InputError(explain(o.checkpoint, "a model that reads files of features",
                             "a Qwen2.5-VL model: vsi is asked about the frames of videos",
                             "give --checkpoint Qwen2.5-VL-3B-Instruct and --videos DIR"));
  if (tasks::is_about_pictures(task) || tasks::is_about_frames(task))
    throw InputError(explain(
        o.checkpoint, "a model that reads files of features",
        fmt::format("a Qwen2.5-VL model: {} is asked about pictures", tasks::dataset_name(task)),
        "give --checkpoint Qwen2.5-VL-3B-Instruct and --images DIR"));
  o.frames.refuse(o.checkpoint);
  refuse_given({{!o.task.videos.empty(), "--videos"}, {!o.task.images.empty(), "--images"}},
               o.checkpoint + ", a model that reads files of features", "a Qwen2.5-VL model");
  if (!o.tokens.empty() && !(o.semantic.empty() && o.features.empty()))
    throw UsageError(explain("--tokens", "--semantic or --features beside it", "one or the other"));
  return o;
}

ObjectKind objects_of(const AnswerVerb& o, tasks::Task task) {
  return o.task.objects.value_or(task == tasks::Task::kNr3d ? ObjectKind::kGt
                                                            : ObjectKind::kProposal);
}

// {SCENE: {PART: cache_key}} of the scenes whose files are there.
Json input_keys(const SceneSetup& setup, const std::vector<std::string>& scenes) {
  Json out = Json::object();
  for (const std::string& scene : scenes) {
    const ScanInputs in = setup.inputs_of(scene);
    if (!files_are_there(in, setup.needed)) continue;
    try {
      const ScanFiles found(in, setup.needed, {}, {});
      out.add(scene, OpenFiles(found.paths(), setup.choice()).cache_keys());
    } catch (const InputError&) {
      continue;  // said when the scene's turn comes
    }
  }
  return out;
}

}  // namespace

SceneSetup::SceneSetup(const AnswerVerb& o, const MakeScanPart& make_part, const Context& run)
    : TaskSetup(checked_for_scenes(o)),
      make(make_part),
      context(run),
      checkpoint(
          vlm::open_checkpoint(o.checkpoint, {.base = o.base, .tokenizer = {}, .merged = type})),
      switches(chosen_switches(o.compat, text::Control::kTokens)),
      inputs(scan_inputs(o, checkpoint)),
      objects(objects_of(o, task)) {
  config = with_options(qwen2::benchmark_generation(checkpoint.generation_folder), o);
  static_cast<void>(checkpoint.words());  // throws where there is no tokeniser
  const bool grounding = tasks::is_grounding(task);
  if (grounding && !checkpoint.config.ground)
    throw InputError(explain(o.checkpoint, "a checkpoint without grounding head",
                             "ground_head_type in config.json and its tensors, for " + task_name(),
                             "take a VEGA-3D or Video-3D-LLM checkpoint"));
  needed = needed_parts(checkpoint, inputs);
  if (needed.semantic && o.semantic.empty() && o.task.scans.empty() && o.tokens.empty())
    throw UsageError(explain("--semantic", "nothing", "the folder of the scenes' features",
                             "or --tokens DIR, or --scans DIR, from which they are made"));
  if (grounding && !needed.scene) needed.why_scene = "the objects to choose from";
  needed.scene |= grounding;
}

ScanInputs SceneSetup::inputs_of(const std::string& scene) const {
  ScanInputs out = inputs;
  out.key = scene;
  const fs::path scan = fs::path(options.task.scans) / scene;
  out.by_key = options.task.scans.empty() || !fs::exists(scan);
  out.scene = out.by_key ? scene : scan.string();
  return out;
}

Json SceneSetup::run(const std::vector<std::string>& scenes) const {
  Json run = begin_run({checkpoint.path.string(), checkpoint.fingerprint(),
                        vlm::name_of(checkpoint.family), vlm::to_json(switches)});
  run.add("tap", options.tap);
  run.add("objects", objects == ObjectKind::kGt ? "gt" : "proposal");
  run.add("allow_mismatch", options.allow_mismatch);
  end_run(run, input_keys(*this, scenes));
  if (checkpoint.modules.initial_values) run.set("untrained", true);
  return run;
}

void SceneSetup::check(const TaskPlan& plan) const { check_settings(*this, plan); }

TaskOutlook SceneSetup::look(const TaskPlan& plan, RunReport& report) const {
  TaskOutlook out;
  std::size_t ready = 0, to_make = 0, unasked = 0;
  std::int64_t frames = 0;  // of the ready scene with the most
  for (std::size_t n = 0; n < plan.scenes.size(); ++n) {
    const ScenePlan& scene = plan.scenes[n];
    report.set(n, unanswered(scene));
    if (scene.left.empty()) continue;
    if (!scene.needs_files()) {
      ++unasked;
      continue;
    }
    const ScanInputs in = inputs_of(scene.scene);
    try {
      if (!files_are_there(in, needed) && !in.by_key) {
        ++to_make;
        continue;
      }
      const ScanFiles found(in, needed, {}, {});
      const OpenFiles open(found.paths(), choice());
      // One scene tells whether features are of the checkpoint's recipe; all would take long.
      if (ready == 0) vlm::read_scene(checkpoint, open.files, switches);
      frames = std::max(frames, static_cast<std::int64_t>(open.frame_count()));
      ++ready;
    } catch (const InputError& error) {
      report.set(n, out.add_missing(scene, error.what()));
    }
  }
  out.counts = fmt::format("scenes: {} ready, {} to be made from scans, {} missing",
                           ready + unasked, to_make, out.missing);
  const std::int64_t per_frame =
      kTokenGrid * kTokenGrid +
      (checkpoint.config.newlines == vlm::Newlines::kGrid ? kTokenGrid : 0);
  if (ready > 0)
    out.forecast =
        forecast_text(checkpoint.config.text, static_cast<double>(frames * per_frame), plan);
  return out;
}

TaskSetup::MakeAnswers SceneSetup::answers(TaskSession& session) const {
  const auto shared = std::make_shared<SceneSession>(*this, session);
  return [shared](const ScenePlan& plan) { return std::make_unique<SceneWork>(plan, *shared); };
}

}  // namespace vega::evaluate
