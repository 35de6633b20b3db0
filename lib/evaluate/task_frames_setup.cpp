#include "evaluate/task_frames_setup.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "evaluate/answer_inputs.h"
#include "evaluate/branch.h"
#include "evaluate/task_frames.h"
#include "vlm/frame_questions.h"
#include "vlm/picture_checkpoint.h"

namespace vega::evaluate {
namespace fs = std::filesystem;

FramesSetup::FramesSetup(const AnswerVerb& o)
    : TaskSetup(o),
      folder(vlm::picture_folder(o.checkpoint)),
      rule(qwen2_5_vl::read_image_rule(folder)),
      checkpoint(vlm::open_qwen(o.checkpoint, o.base)),
      words(text::Tokenizer::open(folder)),
      model(qwen_vl_options(o, rule, device, type)) {
  take_branch_options(o, checkpoint, model);
  config = with_options(vlm::released_generation(folder, words, task), o);
  model.control_words = chosen_switches(o.compat, text::Control::kTokens).control_words;
  untrained =
      read_json(folder / "config.json", "a configuration")["vega_initial_values"].flag().value_or(
          false);
}

// The keys of what is shown are noted when it is read: a key is made of all bytes of a file.
Json FramesSetup::run(const std::vector<std::string>&) const {
  Json switches = {{"preparation",
                    name_in<qwen2_5_vl::Preparation>(qwen2_5_vl::kPreparations, model.preparation)},
                   {"min_pixels", model.bounds.least},
                   {"max_pixels", model.bounds.most}};
  add_switches(switches);
  switches.add("control_words", model.control_words == text::Control::kTokens ? "ids" : "text");
  Json run = begin_run(
      {checkpoint.folder.string(), checkpoint.fingerprint(), "qwen2.5-vl", std::move(switches)});
  if (checkpoint.config.generative) run.set("generative", describe_source(checkpoint, model));
  end_run(run, Json::object());
  if (untrained) run.set("untrained", true);
  return run;
}

TaskOutlook FramesSetup::look(const TaskPlan& plan, RunReport& report) const {
  TaskOutlook out;
  std::size_t ready = 0, unasked = 0;
  for (std::size_t n = 0; n < plan.scenes.size(); ++n) {
    const ScenePlan& scene = plan.scenes[n];
    report.set(n, unanswered(scene));
    if (scene.left.empty()) continue;
    if (!scene.needs_files()) {
      ++unasked;
      continue;
    }
    try {
      require(scene);
      if (ready == 0) {  // one tells what a usual one takes; reading all would take long
        const ShownFrames shown = read(scene);
        double visual = 0;
        for (const UnitImage& picture : shown.pictures)
          visual += double(picture.width / qwen2_5_vl::kCell) *
                    double(picture.height / qwen2_5_vl::kCell);
        out.forecast = fmt::format("{}: {}\n", scene.scene, describe(shown)) +
                       forecast_text(checkpoint.config.text, visual, plan);
      }
      ++ready;
    } catch (const InputError& error) {
      report.set(n, out.add_missing(scene, error.what()));
    }
  }
  out.counts = fmt::format("{}s: {} ready, {} missing", unit, ready + unasked, out.missing);
  return out;
}

ShownFrames FramesSetup::read(const ScenePlan& scene) const {
  return read_shown_frames(input_of(scene), options.frames.most, options.workers(), model);
}

std::string FramesSetup::describe(const ShownFrames& shown) const {
  return fmt::format("{} of {} frames: {}", shown.ids.size(), shown.total,
                     sizes_text(shown.pictures));
}

void FramesSetup::add_switches(Json& switches) const {
  switches.add("frames", options.frames.most);
}

TaskSetup::MakeAnswers FramesSetup::answers(TaskSession& session) const {
  const auto shared = std::make_shared<FramesSession>(*this, session);
  return [shared](const ScenePlan& plan) { return std::make_unique<FramesWork>(plan, *shared); };
}

}  // namespace vega::evaluate
