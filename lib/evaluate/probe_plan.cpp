#include "evaluate/probe_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "probe/ridge.h"
#include "probe/space_scores.h"
#include "store/features.h"
#include "store/join.h"
#include "store/scene_file.h"

namespace vega::evaluate {
namespace {

// What the files of a set say, over its scenes.
struct PlannedSet {
  std::string tap;
  std::int64_t channels = 0, columns = 0, frames = 0, fit_cells = 0, scored_cells = 0;
};

// Opens the files of one scene.
class ProbePlanWork final : public ItemWork {
 public:
  ProbePlanWork(Item item, const ProbeRecipe& recipe, std::vector<PlannedSet>& sets)
      : item_(std::move(item)), recipe_(recipe), sets_(sets) {}

  void prepare() override {
    if (!std::filesystem::exists(item_.path))
      throw InputError(explain(item_.path.string(), "no such file", "the scene of the features",
                               "make it with vega-extract scene"));
    const SceneReader scene(item_.path);
    const bool fit = recipe_.fit.contains(item_.key);
    for (std::size_t i = 0; i < sets_.size(); ++i) {
      const FeatureReader features(recipe_.sets[i].files.at(item_.key));
      const TapInfo& tap = features.taps()[features.tap_index(recipe_.sets[i].tap)];
      join_frames(frames_of(features), frames_of(scene), FrameMatch::kAmong);
      const Grid grid = recipe_.grid.empty() ? Grid{tap.grid_h, tap.grid_w} : recipe_.grid;
      const auto cells = static_cast<std::int64_t>(features.frame_count()) * grid.cells();
      PlannedSet& set = sets_[i];
      set.tap = tap.name;
      set.channels = tap.channels;
      set.columns = grid.rows + grid.columns + tap.channels;
      set.frames = std::max(set.frames, static_cast<std::int64_t>(features.frame_count()));
      (fit ? set.fit_cells : set.scored_cells) += cells;
    }
  }
  bool complete() const override { return true; }
  void compute() override {}
  std::string output() const override { return item_.path.string(); }
  void describe(ItemReport& report) const override { report.outcome = Outcome::kNotStarted; }

 private:
  Item item_;
  const ProbeRecipe& recipe_;
  std::vector<PlannedSet>& sets_;
};

}  // namespace

RunResult plan_probe(const ProbeRecipe& recipe, const RunOptions& options, const Context& context) {
  std::vector<PlannedSet> sets(recipe.sets.size());
  const RunResult result = run_items(
      {.list = recipe.list, .options = options, .manifest = false}, context,
      [&](const Item& item) { return std::make_unique<ProbePlanWork>(item, recipe, sets); });
  Table table({{"features"},
               {"tap"},
               {"channels", Align::kRight},
               {"columns", Align::kRight},
               {"cells to fit", Align::kRight},
               {"to score", Align::kRight},
               {"memory of the sums", Align::kRight}});
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const PlannedSet& set = sets[i];
    table.add_row({recipe.sets[i].name, set.tap, std::to_string(set.channels),
                   std::to_string(set.columns), std::to_string(set.fit_cells),
                   std::to_string(set.scored_cells),
                   bytes_text(RidgeSums::bytes(set.columns, kSpaceTargets))});
  }
  const std::size_t scored = recipe.list.items.size() - recipe.fit.size();
  context.print(fmt::format("{} to fit, {} to score, {} left out\n\n",
                            plural(recipe.fit.size(), "scene"), plural(scored, "scene"),
                            recipe.left_out.size()) +
                table.write(recipe.format));
  return result;
}

}  // namespace vega::evaluate
