#include "evaluate/task_plan.h"

#include <algorithm>
#include <unordered_map>

#include "base/hash.h"
#include "base/natural.h"
#include "tasks/pictures.h"

namespace vega::evaluate {
namespace {

// Questions of one place see the same pictures. Frames of a scene are chosen anew for a question.
std::string place_of(const tasks::Sample& sample) {
  if (sample.task == tasks::Task::kVsi) return sample.video;
  if (!tasks::is_about_frames(sample.task)) return sample.scene;
  constexpr std::size_t kDigits = 8;
  return sample.scene + " " + xxh3_hex(tasks::joined_names(sample.pictures)).substr(0, kDigits);
}

}  // namespace

bool ScenePlan::needs_files() const {
  return std::ranges::any_of(left, [](const tasks::Sample* one) { return !one->no_proposal; });
}

std::size_t TaskPlan::scenes_left() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(scenes, [](const ScenePlan& one) { return !one.left.empty(); }));
}

TaskPlan plan_questions(const std::vector<tasks::Sample>& samples, Shard shard,
                        const std::function<bool(const std::string& id)>& answered) {
  TaskPlan out;
  std::unordered_map<std::string, std::vector<const tasks::Sample*>> by_scene;
  for (const tasks::Sample& sample : samples) by_scene[place_of(sample)].push_back(&sample);
  for (const auto& [scene, all] : by_scene) out.all_scenes.push_back(scene);
  std::ranges::sort(out.all_scenes, natural_less);
  for (std::size_t i = 0; i < out.all_scenes.size(); ++i) {
    if (!shard.has(i)) continue;
    ScenePlan scene{out.all_scenes[i]};
    const auto& all = by_scene[scene.scene];
    scene.first = all.front();
    for (const tasks::Sample* sample : all)
      if (!answered(sample->id_text)) scene.left.push_back(sample);
    scene.answered = all.size() - scene.left.size();
    out.questions += all.size();
    out.left += scene.left.size();
    out.scenes.push_back(std::move(scene));
  }
  return out;
}

}  // namespace vega::evaluate
