#include "evaluate/task_video.h"

#include <fmt/core.h>

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "evaluate/branch.h"
#include "tasks/vsi.h"
#include "vlm/frame_questions.h"

namespace vega::evaluate {
namespace fs = std::filesystem;

void require_video(const fs::path& path) {
  if (tasks::is_vsi_video(path)) return;
  throw InputError(explain(path.string(), fs::exists(path) ? "an empty file" : "no video",
                           "the one that the questions are about",
                           "unpack the archives of the data set below --videos"));
}

double VideoSession::load_model() {
  if (model) return 0;
  return task.load_model([this] {
    if (setup.untrained)
      log_warn("{} was never trained: its answers mean nothing", setup.options.checkpoint);
    for (const std::string& note : setup.rule.notes) log_warn("{}", note);
    model = std::make_unique<vlm::QwenVl>(setup.checkpoint, setup.words, setup.model);
    log_info("qwen2.5-vl; {}", setup.config.describe());
    say_branch(*model);
  });
}

VideoWork::VideoWork(const ScenePlan& plan, VideoSession& session)
    : AnswerWork(plan, session.task), session_(session) {}

// On another thread.
void VideoWork::prepare() {
  if (plan_.left.empty()) return;
  const VideoSetup& setup = session_.setup;
  const fs::path path = setup.input_of(plan_.scene);
  try {
    require_video(path);
    shown_ =
        read_shown_frames(path, setup.options.frames.most, setup.options.workers(), setup.model);
    session_.task.log.note_inputs(plan_.scene, {{"frames", shown_->fingerprint}});
  } catch (const ModelError&) {
    throw;
  } catch (const InputError& error) {
    error_ = error.what();
  }
}

void VideoWork::compute() {
  if (session_.task.failed && session_.setup.options.task.run.fail_fast) return;
  session_.task.show(plan_.scene);
  last_ = Clock::now();
  if (!error_.empty()) return fail_all(plan_.left, error_);
  log_info("{}: {} of {} frames: {}", plan_.scene, shown_->ids.size(), shown_->total,
           sizes_text(shown_->pictures));
  load_s_ = session_.load_model();
  last_ = Clock::now();
  try {
    seen_ = session_.model->see(plan_.scene, shown_->pictures, shown_->branch);
  } catch (const ModelError&) {
    throw;
  } catch (const InputError& error) {
    return fail_all(plan_.left, error.what());
  }
  shown_.reset();
  ask(plan_.left);
  seen_.reset();
}

void VideoWork::ask_once(const Samples& samples, const OnEnd& on_end,
                         const vlm::OnFailure& on_failure) {
  std::vector<vlm::FrameAsk> asks;
  for (const tasks::Sample* sample : samples) asks.push_back(vlm::frame_ask_of(*sample));
  const auto on_reply = [&](std::size_t i, vlm::Reply&& reply) {
    on_end(i);
    // The released scorer counts blanks at the beginning, so that they stay.
    write_reply(*samples[i], reply, reply.said);
  };
  vlm::answer_all(*session_.model, *seen_, asks, session_.setup.config, session_.task.batch,
                  on_reply, on_failure);
}

}  // namespace vega::evaluate
