#include "evaluate/task_picture_setup.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/text.h"
#include "run/refuse_given.h"
#include "tasks/pictures.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

const AnswerVerb& checked_for_pictures(const AnswerVerb& o) {
  refuse_scene_options(o, "--images alone");
  refuse_given(
      {{!o.task.videos.empty(), "--videos"}, {o.frames.most != FrameOptions{}.most, "--frames"}},
      o.inputs.at(0) + ", whose questions name their pictures", "--images DIR");
  if (o.task.images.empty())
    throw UsageError(explain("--images", "nothing", "the folder of the benchmark's pictures",
                             "the names of pictures in the questions begin there"));
  return o;
}

}  // namespace

PictureSetup::PictureSetup(const AnswerVerb& o) : FramesSetup(checked_for_pictures(o)) {
  unit = tasks::is_about_frames(task) ? "frame set" : squares() ? "picture set" : "picture";
  model.numbers_frames = task == tasks::Task::kScanReferFrames;
  says_each = false;
  config.notes.push_back(fmt::format(
      "pictures are encoded as JPEG of quality {} and decoded, as in the released evaluation",
      kShownJpegQuality));
}

fs::path PictureSetup::input_of(const ScenePlan& pictures) const {
  return fs::path(options.task.images) / pictures.first->pictures.front();
}

void PictureSetup::add_switches(Json& switches) const {
  switches.add("jpeg_quality", kShownJpegQuality);
  if (squares()) switches.add("squares", true);
  if (model.numbers_frames) switches.add("frame_numbers", true);
}

void PictureSetup::check(const TaskPlan& plan) const {
  const fs::path folder = options.task.images;
  if (!fs::is_directory(folder))
    throw InputError(explain("--images " + folder.string(), "no folder",
                             "the folder of the pictures",
                             "the names of pictures in the questions begin there"));
  if (std::ranges::none_of(plan.scenes, &ScenePlan::needs_files)) return;
  if (std::ranges::any_of(questions.samples, [&](const tasks::Sample& sample) {
        return is_filled_file(folder / sample.pictures.front());
      }))
    return;
  throw InputError(explain(
      "--images " + folder.string(), "none of " + plural(plan.all_scenes.size(), unit),
      questions.samples.front().pictures.front() + " and others, as the questions name them",
      "vega-eval prepare says which folder the names begin in"));
}

void PictureSetup::require(const ScenePlan& pictures) const {
  for (const std::string& name : pictures.first->pictures) {
    const fs::path path = fs::path(options.task.images) / name;
    if (is_filled_file(path)) continue;
    throw InputError(explain(path.string(), fs::exists(path) ? "an empty file" : "no picture",
                             "the one that the question is about",
                             "--images DIR is the folder in which its name begins"));
  }
}

ShownFrames PictureSetup::read(const ScenePlan& pictures) const {
  std::vector<fs::path> files;
  for (const std::string& name : pictures.first->pictures)
    files.push_back(fs::path(options.task.images) / name);
  return read_shown_pictures(files, squares(), model);
}

std::string PictureSetup::describe(const ShownFrames& shown) const {
  return sizes_text(shown.pictures, tasks::is_about_frames(task) ? "frame" : "picture");
}

}  // namespace vega::evaluate
