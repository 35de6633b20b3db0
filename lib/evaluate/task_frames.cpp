#include "evaluate/task_frames.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "evaluate/branch.h"
#include "vlm/frame_questions.h"

namespace vega::evaluate {

double FramesSession::load_model() {
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

FramesWork::FramesWork(const ScenePlan& plan, FramesSession& session)
    : AnswerWork(plan, session.task), session_(session) {}

// On another thread.
void FramesWork::prepare() {
  if (!plan_.needs_files()) return;
  const FramesSetup& setup = session_.setup;
  try {
    setup.require(plan_);
    shown_ = setup.read(plan_);
    session_.task.log.note_inputs(plan_.scene, {{"frames", shown_->fingerprint}});
  } catch (const ModelError&) {
    throw;
  } catch (const InputError& error) {
    error_ = error.what();
  }
}

void FramesWork::compute() {
  if (session_.task.failed && session_.setup.options.task.run.fail_fast) return;
  session_.task.show(plan_.scene);
  last_ = Clock::now();
  Samples left = asked();
  if (left.empty()) return;
  if (!error_.empty()) return fail_all(left, error_);
  log_line(session_.setup.says_each ? LogLevel::kInfo : LogLevel::kDebug,
           fmt::format("{}: {}", plan_.scene, session_.setup.describe(*shown_)));
  load_s_ = session_.load_model();
  last_ = Clock::now();
  try {
    seen_ = session_.model->see(plan_.scene, shown_->pictures, shown_->branch);
  } catch (const ModelError&) {
    throw;
  } catch (const InputError& error) {
    return fail_all(left, error.what());
  }
  shown_.reset();
  ask(std::move(left));
  seen_.reset();
}

void FramesWork::ask_once(const Samples& samples, const OnEnd& on_end,
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
