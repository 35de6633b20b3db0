// Fitting and scoring of `vega-eval probe`, scene by scene.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "evaluate/probe_recipe.h"
#include "evaluate/probe_scene.h"
#include "probe/ridge.h"
#include "probe/space_scores.h"

namespace vega::evaluate {

// One set: its sums, then its fit, then its scores. Memory does not grow with the scenes, but for
// some numbers a scene.
struct SetProbe {
  std::int64_t channels = 0;
  Grid grid;
  std::string tap;
  std::optional<RidgeSums> sums;  // until the fit
  std::optional<RidgeFit> fit, place_fit;
  std::int64_t fit_cells = 0, scored_cells = 0, not_finite = 0;
  std::vector<SpaceSums> scores, place_scores;    // by scored scene
  std::map<std::string, std::string> cache_keys;  // by scene
  std::set<std::size_t> unlike;  // sets before this one that had other cells in some scene

  // Throws InputError: another grid or number of channels than in the scenes before.
  void check(const SetCells& cells, const std::string& set);
};

struct ProbedClass {
  std::string name;
  std::int64_t fit_cells = 0;
};

struct SceneFloor {
  std::string key;
  FloorLevel floor;
};

// Scenes come in the order of the recipe's list: all that are fitted, then those that are scored.
class ProbeRun {
 public:
  explicit ProbeRun(const ProbeRecipe& recipe);

  // Each takes a scene into all sets, or none. Throw InputError (a scene that does not fit to those
  // before), ModelError (no scene to fit, no class of --classes).
  void fit(const std::string& key, const SceneCells& scene);
  void score(const std::string& key, const SceneCells& scene);

  // The first set that had the same cells as set i in every scene; i where none before had.
  std::size_t first_alike(std::size_t i) const;
  const ProbeRecipe& recipe() const { return recipe_; }
  const std::vector<std::unique_ptr<SetProbe>>& sets() const { return sets_; }
  const std::vector<std::string>& fitted() const { return fitted_; }
  const std::vector<std::string>& scored() const { return scored_; }
  const std::vector<ProbedClass>& classes() const { return classes_; }  // by name
  std::size_t without_names() const { return without_names_; }          // scenes
  const std::vector<SceneFloor>& floors() const { return floors_; }     // of the first set's cells

 private:
  void check_sets(const SceneCells& scene);
  void keep_inputs(const std::string& key, const SceneCells& scene);
  void solve();
  void choose_classes(RidgeRule& rule);
  std::vector<std::int32_t> name_numbers(const SceneCells& scene);

  const ProbeRecipe& recipe_;
  std::vector<std::unique_ptr<SetProbe>> sets_;
  std::map<std::string, std::int32_t> names_;  // of all labels in the fit
  std::vector<ProbedClass> classes_;
  std::map<std::string, std::int32_t> class_of_;
  std::vector<std::string> fitted_, scored_;
  std::vector<SceneFloor> floors_;
  std::size_t without_names_ = 0;  // scenes without annotated objects
  bool solved_ = false;
};

}  // namespace vega::evaluate
