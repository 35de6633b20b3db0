#include "extract/features.h"

#include "base/items.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/publish.h"
#include "base/run.h"
#include "extract/audit.h"
#include "extract/recipe.h"
#include "extract/scene_job.h"

namespace vega::extract {

Report run_features(const FeatureOptions& options, const Context& context) {
  keep_freed_memory();
  const Recipe recipe = resolve(options);
  const auto items = gather_items(options.inputs, options.list, options.key, options.shard);
  LazyBackbone backbone(make_backbone(backbone_options(options, recipe)));
  SceneRun run{options,
               recipe,
               backbone,
               std::filesystem::path(options.out) / tag_of(options, recipe, backbone.known()),
               context.progress,
               recipe.batch};
  if (options.dry_run) {
    return dry_run(items, options, recipe, backbone.known(), run.folder, context);
  }
  sweep_parts(run.folder);
  if (items.empty()) log_warn("the list (or this shard of it) is empty: nothing to do");
  const bool alone = options.list.empty() && items.size() == 1;
  const RunResult result =
      run_items(items, {options.report, options.fail_fast, alone, true, context.manifest},
                [&](const Item& item) { return make_scene(item, run); });
  return {result.done, result.complete, result.failed, result.exit_code};
}

}  // namespace vega::extract
