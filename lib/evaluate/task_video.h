// One video of a benchmark on its way: its frames are decoded while the video before it is
// answered, then the model sees them once and is asked all questions about them.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "evaluate/shown_frames.h"
#include "evaluate/task_answers.h"
#include "evaluate/task_video_setup.h"
#include "vlm/qwen_vl.h"

namespace vega::evaluate {

// Throws InputError: no such file, or an empty one.
void require_video(const std::filesystem::path& path);

// The state that all videos of a run share. Its references must outlive the works.
struct VideoSession {
  const VideoSetup& setup;
  TaskSession& task;
  std::unique_ptr<vlm::QwenVl> model = {};  // read when the first video is

  VideoSession(const VideoSetup& the_setup, TaskSession& session)
      : setup(the_setup), task(session) {}

  // Reads the model where that has not been done. Returns the seconds that it took.
  double load_model();
};

class VideoWork final : public AnswerWork {
 public:
  VideoWork(const ScenePlan& plan, VideoSession& session);

  void prepare() override;
  void compute() override;

 private:
  void ask_once(const Samples& samples, const OnEnd& on_end,
                const vlm::OnFailure& on_failure) override;

  VideoSession& session_;
  std::optional<ShownFrames> shown_;
  std::optional<vlm::SeenFrames> seen_;
};

}  // namespace vega::evaluate
