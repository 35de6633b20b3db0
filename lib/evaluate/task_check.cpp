#include "evaluate/task_check.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "vlm/scene.h"

namespace vega::evaluate {
namespace {

void check_recipes(const SceneSetup& setup, const TaskPlan& plan) {
  std::size_t differ = 0;
  std::string first;
  for (const ScenePlan& scene : plan.scenes) {
    if (!scene.needs_files()) continue;
    const ScanInputs inputs = setup.inputs_of(scene.scene);
    if (!files_are_there(inputs, setup.needed)) {
      if (!inputs.by_key) return;  // made with the settings of this run
      continue;
    }
    try {
      const ScanFiles found(inputs, setup.needed, {}, {});
      const OpenFiles open(found.paths(), setup.choice());
      try {
        vlm::check_recipe(setup.checkpoint, open.files, setup.switches);
        return;
      } catch (const FormatError&) {
        continue;
      } catch (const InputError& error) {
        if (differ++ == 0) first = error.what();
      }
    } catch (const InputError&) {
      continue;  // the scene's own, said when its turn comes
    }
  }
  if (differ == 0) return;
  if (differ > 1)
    first += fmt::format("\n  so it is with all {} that have files", plural(differ, "scene"));
  throw InputError(first);
}

}  // namespace

void check_settings(const SceneSetup& setup, const TaskPlan& plan) {
  if (std::ranges::none_of(plan.scenes, &ScenePlan::needs_files)) return;
  const bool scans = std::ranges::any_of(
      plan.all_scenes, [&](const std::string& scene) { return !setup.inputs_of(scene).by_key; });
  check_folders(setup.inputs, setup.needed, plan.all_scenes, scans);
  check_recipes(setup, plan);
}

}  // namespace vega::evaluate
