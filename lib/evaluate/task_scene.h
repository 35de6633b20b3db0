// One scene of a benchmark on its way: its files are read while the scene before it is answered,
// then its questions are asked together and each answer goes to the log as soon as it ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
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
  const MakeScanPart& make;
  const Context& context;
  TaskLog& log;
  Progress& progress;
  vlm::BatchOptions batch = {};
  std::size_t answered = 0;  // of this run
  std::int64_t tokens = 0;
  Clock::time_point start = Clock::now();
  bool failed = false;  // a question or a scene
  bool said_annotation = false, said_unannotated = false;
  std::unique_ptr<vlm::Vlm> model = {};  // read when the first scene is

  // Reads the model where that has not been done. Returns the seconds that it took.
  double load_model();
  // "3.2 tokens/s, peak 1.2 GB" beside the bar.
  void show(const std::string& scene);
};

class SceneWork final : public ItemWork {
 public:
  SceneWork(const ScenePlan& plan, TaskSession& session);

  void prepare() override;
  bool complete() const override { return plan_.left.empty(); }
  void compute() override;
  double load_s() const override { return load_s_; }
  std::string output() const override { return session_.log.part().string(); }
  void describe(ItemReport& report) const override;

 private:
  struct Failed {
    std::string id, error;
  };

  void read();
  void read_or_make();
  void ask(std::vector<const tasks::Sample*> samples);
  void fail(const tasks::Sample& sample, const std::string& error);
  void fail_all(const std::vector<const tasks::Sample*>& samples, const std::string& error);
  std::string lack_of_objects() const;
  bool can_ask(const tasks::Sample& sample);
  void say_once();
  void write(const tasks::Sample& sample, const tasks::Prediction& prediction, AnswerNote note);

  const ScenePlan& plan_;
  TaskSession& session_;
  std::optional<vlm::SceneInput> input_;
  std::optional<vlm::VisualScene> scene_;
  std::string proposal_source_, error_;  // error_: of the whole scene
  bool annotated_ = false;
  std::vector<Failed> failed_;
  std::size_t answered_ = 0;
  std::int64_t tokens_ = 0;
  double load_s_ = 0;
  Clock::time_point last_;
};

}  // namespace vega::evaluate
