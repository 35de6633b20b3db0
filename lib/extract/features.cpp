#include "extract/features.h"

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/stop.h"
#include "extract/items.h"
#include "extract/recipe.h"
#include "extract/scene_job.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

const char* word(Outcome outcome) {
  switch (outcome) {
    case Outcome::kComputed: return "written";
    case Outcome::kTapsAdded: return "taps added";
    case Outcome::kSkipped: break;
  }
  return "complete already";
}

}  // namespace

Report run_features(const FeatureOptions& options, const Context& context) {
  keep_freed_memory();
  const Recipe recipe = resolve(options);
  const auto items = gather_items(options.inputs, options.list, options.key, options.shard);
  LazyBackbone backbone(make_backbone(backbone_options(options, recipe)));
  const fs::path folder = fs::path(options.out) / tag_of(options, recipe, backbone.known());
  Report report;
  if (items.empty()) log_warn("the list (or this shard of it) is empty: nothing to do");
  const bool alone = options.list.empty() && items.size() == 1;
  for (const Item& item : items) {
    check_stop();
    const fs::path output = folder / (item.key + ".h5");
    try {
      const Outcome outcome = run_scene(item, options, recipe, backbone, output, context);
      log_info("{}: {}, {}", item.key, word(outcome), output.string());
      (outcome == Outcome::kSkipped ? report.skipped : report.done) += 1;
      context.manifest(item.key, output.string());
    } catch (const ModelError&) {
      throw;
    } catch (const InputError& error) {
      // One scene's trouble stays its own in a list; alone it is the run's.
      if (alone) throw;
      log_error("{}: {}", item.key, error.what());
      report.failed += 1;
      if (options.fail_fast) break;
    }
  }
  if (report.failed > 0) report.exit_code = 4;
  if (items.size() > 1) {
    log_info("{} written, {} complete already, {} failed", report.done, report.skipped,
             report.failed);
  }
  return report;
}

}  // namespace vega::extract
