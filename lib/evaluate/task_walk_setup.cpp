#include "evaluate/task_walk_setup.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "run/refuse_given.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

const AnswerVerb& checked_for_walks(const AnswerVerb& o) {
  refuse_scene_options(o, "--scans alone", /*tokens=*/false, /*scans=*/true);
  refuse_given({{!o.task.videos.empty(), "--videos"}, {!o.task.images.empty(), "--images"}},
               o.inputs.at(0) + ", which is about scans", "--scans DIR");
  if (o.task.scans.empty())
    throw UsageError(explain("--scans", "nothing", "the folder of the benchmark's scans",
                             "a Qwen2.5-VL model sees frames of DIR/SCENE or DIR/SCENE.mp4"));
  return o;
}

}  // namespace

WalkSetup::WalkSetup(const AnswerVerb& o) : FramesSetup(checked_for_walks(o)) { unit = "scan"; }

fs::path WalkSetup::input_of(const ScenePlan& scan) const {
  const fs::path folder = options.task.scans;
  const fs::path video = folder / (scan.scene + ".mp4");
  return !fs::exists(folder / scan.scene) && fs::exists(video) ? video : folder / scan.scene;
}

void WalkSetup::check(const TaskPlan& plan) const {
  const fs::path folder = options.task.scans;
  if (!fs::is_directory(folder))
    throw InputError(explain("--scans " + folder.string(), "no folder", "the folder of the scans"));
  if (plan.left == 0) return;
  if (std::ranges::any_of(plan.all_scenes, [this](const std::string& scan) {
        return fs::exists(input_of(ScenePlan{.scene = scan}));
      }))
    return;
  throw InputError(explain("--scans " + folder.string(),
                           "none of " + plural(plan.all_scenes.size(), "scan"),
                           plan.all_scenes.front() + " and others, as the questions name them"));
}

void WalkSetup::require(const ScenePlan& scan) const {
  if (fs::exists(input_of(scan))) return;
  throw InputError(explain(input_of(scan).string(), "no scan",
                           "the one that the questions are about",
                           "a folder of frames, a .sens stream within it, or SCENE.mp4"));
}

}  // namespace vega::evaluate
