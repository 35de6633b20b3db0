// One scene of a benchmark on its way: its files are read while the scene before it is answered,
// then its questions are asked together.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "evaluate/task_answers.h"
#include "evaluate/task_scene_setup.h"
#include "vlm/vlm.h"

namespace vega::evaluate {

// The state that all scenes of a run share. Its references must outlive the works.
struct SceneSession {
  const SceneSetup& setup;
  TaskSession& task;
  bool said_annotation = false, said_unannotated = false;
  std::unique_ptr<vlm::Vlm> model = {};  // read when the first scene is

  SceneSession(const SceneSetup& the_setup, TaskSession& session)
      : setup(the_setup), task(session) {}

  // Reads the model where that has not been done. Returns the seconds that it took.
  double load_model();
};

class SceneWork final : public AnswerWork {
 public:
  SceneWork(const ScenePlan& plan, SceneSession& session);

  void prepare() override;
  void compute() override;

 private:
  void ask_once(const Samples& samples, const OnEnd& on_end,
                const vlm::OnFailure& on_failure) override;
  void read();
  void read_or_make();
  std::string lack_of_objects() const;
  bool can_ask(const tasks::Sample& sample);
  void say_once();

  SceneSession& session_;
  std::optional<vlm::SceneInput> input_;
  std::optional<vlm::VisualScene> scene_;
  std::string proposal_source_;
  bool annotated_ = false;
};

}  // namespace vega::evaluate
