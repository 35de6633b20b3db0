#include "evaluate/task_video_setup.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "evaluate/answer_inputs.h"
#include "evaluate/branch.h"
#include "evaluate/shown_frames.h"
#include "evaluate/task_video.h"
#include "tasks/vsi.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

// The released evaluation lets answers grow to so many tokens.
constexpr std::int64_t kAnswerTokens = 16;
constexpr auto kAnswerEnd = "<|im_end|>";

const AnswerVerb& checked_for_videos(const AnswerVerb& o) {
  if (choice_of<tasks::Task>(tasks::kTasks, "TASK", o.inputs.at(0)) != tasks::Task::kVsi)
    throw InputError(explain(o.checkpoint, "a Qwen2.5-VL model, for " + o.inputs[0],
                             "a checkpoint that reads files of scenes; Qwen2.5-VL answers vsi",
                             "ask about a scan with answer SCENE --ask TEXT"));
  refuse_scene_options(o, "--videos alone");
  if (o.task.videos.empty())
    throw UsageError(explain("--videos", "nothing", "the folder of the benchmark's videos",
                             "it holds DATASET/SCENE.mp4"));
  return o;
}

// As released: greedy, the checkpoint's repetition penalty, and one stop id, whatever
// generation_config.json names besides.
qwen2::GenerationConfig generation_of(const AnswerVerb& o, const text::Tokenizer& words) {
  qwen2::GenerationConfig config = qwen2::benchmark_generation(o.checkpoint);
  config.max_new_tokens = kAnswerTokens;
  if (const auto id = words.id_of(kAnswerEnd);
      id && config.stop_ids != std::vector{std::int64_t{*id}}) {
    std::erase_if(config.notes, [](const std::string& note) {  // which of two files counts
      return note.starts_with("generation_config.json stops at");
    });
    config.notes.push_back(fmt::format(
        "answers stop at {} ({}) alone, as in the released evaluation", kAnswerEnd, *id));
    config.stop_ids = {*id};
  }
  return with_options(std::move(config), o);
}

}  // namespace

VideoSetup::VideoSetup(const AnswerVerb& o)
    : TaskSetup(checked_for_videos(o)),
      rule(qwen2_5_vl::read_image_rule(o.checkpoint)),
      checkpoint(qwen2_5_vl::open_checkpoint(o.checkpoint)),
      words(text::Tokenizer::open(o.checkpoint)),
      model(qwen_vl_options(o, rule, device, type)) {
  unit = "video";
  take_branch_options(o, checkpoint, model);
  config = generation_of(o, words);
  model.control_words = chosen_switches(o.compat, text::Control::kTokens).control_words;
  untrained =
      read_json(fs::path(o.checkpoint) / "config.json", "a configuration")["vega_initial_values"]
          .flag()
          .value_or(false);
}

fs::path VideoSetup::input_of(const std::string& video) const {
  return tasks::vsi_video(options.task.videos, video);
}

// The keys of videos are noted when they are read: a key is made of all bytes of a file.
Json VideoSetup::run(const std::vector<std::string>&) const {
  Json run = begin_run(
      {checkpoint.folder.string(),
       checkpoint.fingerprint(),
       "qwen2.5-vl",
       {{"preparation",
         name_in<qwen2_5_vl::Preparation>(qwen2_5_vl::kPreparations, model.preparation)},
        {"min_pixels", model.bounds.least},
        {"max_pixels", model.bounds.most},
        {"frames", options.frames.most},
        {"control_words", model.control_words == text::Control::kTokens ? "ids" : "text"}}});
  if (checkpoint.config.generative) run.set("generative", describe_source(checkpoint, model));
  end_run(run, Json::object());
  if (untrained) run.set("untrained", true);
  return run;
}

void VideoSetup::check(const TaskPlan& plan) const {
  const fs::path folder = options.task.videos;
  if (!fs::is_directory(folder))
    throw InputError(explain("--videos " + folder.string(), "no folder", "the folder of the videos",
                             "it holds DATASET/SCENE.mp4"));
  if (plan.left == 0) return;
  if (std::ranges::any_of(plan.all_scenes, [&](const std::string& video) {
        return tasks::is_vsi_video(input_of(video));
      }))
    return;
  throw InputError(explain("--videos " + folder.string(),
                           "none of " + plural(plan.all_scenes.size(), "video"),
                           plan.all_scenes.front() + ".mp4 and others, as the questions name them",
                           "unpack the archives of the data set there"));
}

TaskOutlook VideoSetup::look(const TaskPlan& plan, RunReport& report) const {
  TaskOutlook out;
  std::size_t ready = 0;
  for (std::size_t n = 0; n < plan.scenes.size(); ++n) {
    const ScenePlan& scene = plan.scenes[n];
    report.set(n, unanswered(scene));
    if (scene.left.empty()) continue;
    try {
      require_video(input_of(scene.scene));
      if (ready == 0) {  // one tells what a usual video takes; reading all would take long
        const ShownFrames shown =
            read_shown_frames(input_of(scene.scene), options.frames.most, options.workers(), model);
        double visual = 0;
        for (const UnitImage& picture : shown.pictures)
          visual += double(picture.width / qwen2_5_vl::kCell) *
                    double(picture.height / qwen2_5_vl::kCell);
        out.forecast = fmt::format("{}: {} of {}, {}\n", scene.scene, shown.ids.size(),
                                   plural(static_cast<std::size_t>(shown.total), "frame"),
                                   sizes_text(shown.pictures)) +
                       forecast_text(checkpoint.config.text, visual, plan);
      }
      ++ready;
    } catch (const InputError& error) {
      report.set(n, out.add_missing(scene, error.what()));
    }
  }
  out.counts = fmt::format("videos: {} ready, {} missing", ready, out.missing);
  return out;
}

TaskSetup::MakeAnswers VideoSetup::answers(TaskSession& session) const {
  const auto shared = std::make_shared<VideoSession>(*this, session);
  return [shared](const ScenePlan& plan) { return std::make_unique<VideoWork>(plan, *shared); };
}

}  // namespace vega::evaluate
