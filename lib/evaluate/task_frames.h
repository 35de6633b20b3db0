// One video or picture of a benchmark on its way: its frames are decoded while the one before it is
// answered, then the model sees them once and is asked all questions about them.
#pragma once

#include <memory>
#include <optional>

#include "evaluate/shown_frames.h"
#include "evaluate/task_answers.h"
#include "evaluate/task_frames_setup.h"
#include "vlm/qwen_vl.h"

namespace vega::evaluate {

// The state that all of a run share. Its references must outlive the works.
struct FramesSession {
  const FramesSetup& setup;
  TaskSession& task;
  std::unique_ptr<vlm::QwenVl> model = {};  // read when the first frames are

  FramesSession(const FramesSetup& the_setup, TaskSession& session)
      : setup(the_setup), task(session) {}

  // Reads the model where that has not been done. Returns the seconds that it took.
  double load_model();
};

class FramesWork final : public AnswerWork {
 public:
  FramesWork(const ScenePlan& plan, FramesSession& session);

  void prepare() override;
  void compute() override;

 private:
  void ask_once(const Samples& samples, const OnEnd& on_end,
                const vlm::OnFailure& on_failure) override;

  FramesSession& session_;
  std::optional<ShownFrames> shown_;
  std::optional<vlm::SeenFrames> seen_;
};

}  // namespace vega::evaluate
