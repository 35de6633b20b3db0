// The questions about one scene or video on their way: each answer goes to the log as soon as it
// ends, and what cannot be answered costs only itself. What all kinds of models share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/progress.h"
#include "evaluate/task_log.h"
#include "evaluate/task_plan.h"
#include "evaluate/task_setup.h"
#include "run/run.h"
#include "vlm/questions.h"

namespace vega::evaluate {

// The state that all scenes of a run share. Its references must outlive the works.
struct TaskSession {
  const TaskSetup& setup;
  TaskLog& log;
  Progress& progress;
  vlm::BatchOptions batch = {};
  std::size_t answered = 0;  // of this run
  std::int64_t tokens = 0;
  Clock::time_point start = Clock::now();
  bool failed = false;  // a question or a scene

  // Calls `load` with as many threads within an operation as --threads says; an InputError of it is
  // a ModelError: no scene's own. Begins to count the time. Returns the seconds that it took.
  double load_model(const std::function<void()>& load);
  // "3.2 tokens/s, peak 1.2 GB" beside the bar.
  void show(const std::string& scene);
};

class AnswerWork : public ItemWork {
 public:
  AnswerWork(const ScenePlan& plan, TaskSession& session) : plan_(plan), task_(session) {}

  bool complete() const override { return plan_.left.empty(); }
  double load_s() const override { return load_s_; }
  std::string output() const override { return task_.log.part().string(); }
  void describe(ItemReport& report) const override;

 protected:
  using Samples = std::vector<const tasks::Sample*>;
  using OnEnd = std::function<void(std::size_t index)>;
  // Asks `samples` together. Calls on_end where the answer of one was written, on_failure where one
  // cannot be answered. Throws DeviceMemoryError, ModelError; InputError: of all that are left.
  virtual void ask_once(const Samples& samples, const OnEnd& on_end,
                        const vlm::OnFailure& on_failure) = 0;

  // The samples that are left to ask. An object without a proposal is none of them: its answer, the
  // empty caption, is written here.
  Samples asked();

  // ask_once; where the device's memory does not suffice, the rest in smaller batches.
  void ask(Samples samples);

  // Notes of an answer in words; `text` is what is written.
  void write_reply(const tasks::Sample& sample, const vlm::Reply& reply, std::string text);
  void write(const tasks::Sample& sample, const tasks::Prediction& prediction, AnswerNote note);
  void fail(const tasks::Sample& sample, const std::string& error);
  // The reason is said once, every question is named.
  void fail_all(const Samples& samples, const std::string& error);

  const ScenePlan& plan_;
  std::string error_;  // of the whole scene
  double load_s_ = 0;
  Clock::time_point last_;  // since when the next answer is on its way

 private:
  struct Failed {
    std::string id, error;
  };

  TaskSession& task_;
  std::vector<Failed> failed_;
  std::size_t answered_ = 0;
  std::int64_t tokens_ = 0;
};

}  // namespace vega::evaluate
