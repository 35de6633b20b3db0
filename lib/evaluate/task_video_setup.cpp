#include "evaluate/task_video_setup.h"

#include <algorithm>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/text.h"
#include "tasks/vsi.h"
#include "vlm/picture_checkpoint.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

const AnswerVerb& checked_for_videos(const AnswerVerb& o) {
  if (choice_of<tasks::Task>(tasks::kTasks, "TASK", o.inputs.at(0)) != tasks::Task::kVsi)
    throw InputError(explain(
        o.checkpoint, "a Qwen2.5-VL model, for " + o.inputs[0],
        "a checkpoint that reads files of scenes; Qwen2.5-VL answers sqa3d, vsi, cvbench, blink, "
        "scanrefer-frames and scan2cap-frames",
        "ask about a scan with answer SCENE --ask TEXT"));
  refuse_scene_options(o, "--videos alone");
  if (!o.task.images.empty())
    throw UsageError(explain("--images", "vsi, which is about videos", "--videos DIR"));
  if (o.task.videos.empty())
    throw UsageError(explain("--videos", "nothing", "the folder of the benchmark's videos",
                             "it holds DATASET/SCENE.mp4"));
  return o;
}

}  // namespace

VideoSetup::VideoSetup(const AnswerVerb& o) : FramesSetup(checked_for_videos(o)) { unit = "video"; }

fs::path VideoSetup::input_of(const ScenePlan& video) const {
  return tasks::vsi_video(options.task.videos, video.scene);
}

void VideoSetup::check(const TaskPlan& plan) const {
  const fs::path folder = options.task.videos;
  if (!fs::is_directory(folder))
    throw InputError(explain("--videos " + folder.string(), "no folder", "the folder of the videos",
                             "it holds DATASET/SCENE.mp4"));
  if (plan.left == 0) return;
  if (std::ranges::any_of(plan.all_scenes, [&](const std::string& video) {
        return is_filled_file(tasks::vsi_video(folder, video));
      }))
    return;
  throw InputError(explain("--videos " + folder.string(),
                           "none of " + plural(plan.all_scenes.size(), "video"),
                           plan.all_scenes.front() + ".mp4 and others, as the questions name them",
                           "unpack the archives of the data set there"));
}

void VideoSetup::require(const ScenePlan& video) const {
  const fs::path path = input_of(video);
  if (is_filled_file(path)) return;
  throw InputError(explain(path.string(), fs::exists(path) ? "an empty file" : "no video",
                           "the one that the questions are about",
                           "unpack the archives of the data set below --videos"));
}

}  // namespace vega::evaluate
