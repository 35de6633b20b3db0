#include "extract/scene_verb.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/publish.h"
#include "base/run.h"
#include "extract/scene_audit.h"
#include "extract/scene_work.h"

namespace vega::extract {
namespace {

Report dry_run_scenes(const std::vector<Item>& items, const SceneFileOptions& options,
                      const SceneRecipe& recipe, const Context& context) {
  const Audit audit = audit_scene_files(items, options, recipe);
  if (!options.report.empty()) publish_file(options.report, audit_json(audit));
  context.print(audit_table(audit));
  Report report;
  for (const SceneAudit& scene : audit.scenes) {
    if (!scene.possible())
      ++report.failed;
    else if (scene.existing.state == OutputState::kComplete)
      ++report.skipped;
  }
  report.exit_code = audit.exit_code();
  return report;
}

}  // namespace

Report run_scene(const SceneFileOptions& options, const Context& context) {
  keep_freed_memory();
  const SceneRecipe recipe = resolve_scene(options);
  const auto items = gather_items(options.inputs, options.list, options.key, options.shard);
  if (options.dry_run) return dry_run_scenes(items, options, recipe, context);
  sweep_parts(options.out);
  if (items.empty()) log_warn("the list (or this shard of it) is empty: nothing to do");
  const bool alone = options.list.empty() && items.size() == 1;
  const RunResult result = run_items(
      items, {options.report, options.fail_fast, alone, false, context.manifest},
      [&](const Item& item) { return std::make_unique<SceneWork>(item, options, recipe); });
  return {result.done, result.complete, result.failed, result.exit_code};
}

}  // namespace vega::extract
