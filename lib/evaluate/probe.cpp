#include "evaluate/probe.h"

#include <ATen/Parallel.h>

#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/publish.h"
#include "base/stop.h"
#include "evaluate/probe_plan.h"
#include "evaluate/probe_report.h"
#include "evaluate/probe_run.h"
#include "run/output_names.h"

namespace vega::evaluate {
namespace {

constexpr auto kProbeHelp =
    R"(How much do features know about space? A linear map (ridge regression in closed form) from the features of a cell to its
depth, surface normal, height above the floor and label is fitted on some scenes and scored on others. Every map also
gets the cell's row and column, and the control that gets nothing else is always printed, with the difference to it.

Examples:
  vega-eval probe rgb=features/rgb wan=features/wan-832x480-stretch-14x14:b20_t300 --scenes scenes
  vega-eval probe random=features/r trained=features/t --baseline random --fit 36 --scenes scenes -o probe --plot probe.pdf
  vega-eval probe wan=features/wan --scenes scenes --fit train.txt --score val.txt --format markdown

See also: vega-eval correspondence, vega-extract features, vega-extract scene; docs/probe.md)";

// A scene of all sets: fitted or scored.
class ProbeWork final : public ItemWork {
 public:
  ProbeWork(Item item, ProbeRun& run, Progress& progress)
      : item_(std::move(item)), run_(run), progress_(progress) {}

  void prepare() override {
    check_stop();
    cells_ = read_scene_cells(run_.recipe(), item_.key, item_.path);
  }
  bool complete() const override { return false; }
  void compute() override {
    if (run_.recipe().fit.contains(item_.key))
      run_.fit(item_.key, *cells_);
    else
      run_.score(item_.key, *cells_);
    used_ = static_cast<double>(cells_->sets.front().cell.size());
    cells_.reset();
    progress_.add();
  }
  std::string output() const override { return item_.path.string(); }
  void describe(ItemReport& report) const override {
    report.outcome = Outcome::kWritten;
    report.numbers = {{"cells", used_}};
    report.notes = {{"use", run_.recipe().fit.contains(item_.key) ? "fit" : "score"}};
  }

 private:
  Item item_;
  ProbeRun& run_;
  Progress& progress_;
  std::optional<SceneCells> cells_;
  double used_ = 0;
};

// Minutes of work must not end at a file that cannot be written.
void check_writable(const ProbeRecipe& recipe) {
  if (!recipe.folder.empty()) const PartFile trial(recipe.folder / "probe.json");
  for (const auto& path : {recipe.json, recipe.plot})
    if (!path.empty() && !is_stream(path)) const PartFile trial(path);
}

void write_probe_files(const ProbeRecipe& recipe, const ProbeReport& report) {
  const std::string json = probe_json(report).dump(2) + "\n";
  if (!recipe.json.empty()) publish_output(recipe.json, json);
  if (!recipe.plot.empty()) publish_output(recipe.plot, draw_probe(report, recipe.plot));
  if (recipe.folder.empty()) return;
  publish_output(recipe.folder / "probe.json", json);
  publish_output(recipe.folder / "probe.csv", probe_values(report).write(TableFormat::kCsv));
  publish_output(recipe.folder / "probe-scenes.csv", probe_scenes(report).write(TableFormat::kCsv));
  publish_output(recipe.folder / "probe.svg", draw_probe(report, "probe.svg"));
  publish_output(recipe.folder / "report.md", probe_text(report, TableFormat::kMarkdown));
  log_info("tables in {}", (recipe.folder / "report.md").string());
}

}  // namespace

RunResult run_probe(const ProbeVerb& options, const Context& context) {
  const ProbeRecipe recipe = resolve_probe_verb(options);
  if (options.run.dry_run) return plan_probe(recipe, options.run, context);
  check_writable(recipe);
  at::set_num_threads(1);  // work is spread over scenes, sets and parts of sums
  auto progress = std::make_unique<Progress>("probing", "scenes", std::ssize(recipe.list.items),
                                             context.progress);
  ProbeRun run(recipe);
  const RunResult result = run_items(
      {.list = recipe.list, .options = options.run, .manifest = false}, context,
      [&](const Item& item) { return std::make_unique<ProbeWork>(item, run, *progress); });
  progress.reset();
  if (run.scored().empty())
    throw InputError(explain("probe", "no scene that could be scored", "one at least",
                             "the errors above say what is wrong with each"));
  if (run.without_names() > 0)
    log_warn(
        "{} of {} scene files have no annotated objects, and so no labels: vega-extract scene "
        "takes them from the files of a ScanNet scan",
        run.without_names(), run.fitted().size() + run.scored().size());
  const ProbeReport report = report_of(run);
  try {
    write_probe_files(recipe, report);
  } catch (const OutputError&) {
    context.print(probe_answer(report));  // what was computed is not lost
    throw;
  }
  context.print(probe_answer(report));
  return result;
}

Verb probe_verb() {
  return make_verb("probe", "measure how much features know about space", kProbeHelp, run_probe);
}

}  // namespace vega::evaluate
