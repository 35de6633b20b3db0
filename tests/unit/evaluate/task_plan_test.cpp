#include "evaluate/task_plan.h"

#include <catch2/catch.hpp>
#include <set>

using namespace vega;
using namespace vega::evaluate;

namespace {

std::vector<tasks::Sample> samples_of(const std::vector<std::string>& scenes) {
  std::vector<tasks::Sample> out;
  for (const std::string& scene : scenes) {
    tasks::Sample sample;
    sample.scene = scene;
    sample.id_text = std::to_string(out.size());
    out.push_back(std::move(sample));
  }
  return out;
}

std::vector<std::string> ids_of(const ScenePlan& scene) {
  std::vector<std::string> out;
  for (const tasks::Sample* sample : scene.left) out.push_back(sample->id_text);
  return out;
}

bool nothing(const std::string&) { return false; }
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("scenes go in natural order, questions in that of the file") {
  const auto samples = samples_of({"b10", "b9", "b10", "a", "b9", "b09"});
  const TaskPlan plan = plan_questions(samples, {}, nothing);
  CHECK(plan.all_scenes == Texts{"a", "b09", "b9", "b10"});
  REQUIRE(plan.scenes.size() == 4);
  CHECK(ids_of(plan.scenes[2]) == Texts{"1", "4"});
  CHECK(ids_of(plan.scenes[3]) == Texts{"0", "2"});
  CHECK(plan.questions == 6);
  CHECK(plan.left == 6);
}

TEST_CASE("shards take whole scenes, whatever is answered, and together take all") {
  const auto samples = samples_of({"a", "b", "c", "d", "e", "a", "b"});
  const auto odd = [](const std::string& id) { return (id[0] - '0') % 2 == 1; };
  for (const std::size_t count : {1, 2, 3, 7}) {
    std::set<std::string> scenes, left;
    std::size_t questions = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const TaskPlan plan = plan_questions(samples, {i, count}, odd);
      const TaskPlan before = plan_questions(samples, {i, count}, nothing);
      CHECK(plan.all_scenes == before.all_scenes);
      CHECK(plan.scenes.size() == before.scenes.size());
      questions += plan.questions;
      for (const ScenePlan& scene : plan.scenes) {
        CHECK(scenes.insert(scene.scene).second);
        for (const std::string& id : ids_of(scene)) CHECK(left.insert(id).second);
      }
    }
    CHECK(scenes.size() == 5);
    CHECK(questions == 7);
    CHECK(left == std::set<std::string>{"0", "2", "4", "6"});
  }
}

TEST_CASE("videos of one name in two data sets are two") {
  auto samples = samples_of({"a", "a", "a"});
  for (tasks::Sample& sample : samples) sample.task = tasks::Task::kVsi;
  samples[0].video = samples[2].video = "scannet/a";
  samples[1].video = "arkitscenes/a";
  const TaskPlan plan = plan_questions(samples, {}, nothing);
  CHECK(plan.all_scenes == Texts{"arkitscenes/a", "scannet/a"});
  CHECK(ids_of(plan.scenes.at(1)) == Texts{"0", "2"});
}

TEST_CASE("questions about the same pictures are one scene, which says what it is made of") {
  auto samples = samples_of({"a.png", "a.png, b.png", "a.png"});
  for (tasks::Sample& sample : samples) sample.task = tasks::Task::kBlink;
  samples[1].pictures = {"a.png", "b.png"};
  const TaskPlan plan =
      plan_questions(samples, {}, [](const std::string& id) { return id == "1"; });
  CHECK(plan.all_scenes == Texts{"a.png", "a.png, b.png"});
  CHECK(ids_of(plan.scenes.at(0)) == Texts{"0", "2"});
  CHECK(plan.scenes.at(1).left.empty());
  CHECK(plan.scenes.at(1).first->pictures == Texts{"a.png", "b.png"});
}

TEST_CASE("what is answered is not left") {
  const auto samples = samples_of({"a", "a", "b"});
  const TaskPlan plan =
      plan_questions(samples, {}, [](const std::string& id) { return id != "1"; });
  CHECK(plan.questions == 3);
  CHECK(plan.left == 1);
  CHECK(plan.scenes_left() == 1);
  CHECK(plan.scenes[0].answered == 1);
  CHECK(plan.scenes[1].left.empty());
}
