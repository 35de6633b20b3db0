#include "extract/features.h"

#include "base/memory.h"
#include "core/device.h"
#include "extract/audit.h"
#include "extract/recipe.h"
#include "extract/scene_job.h"
#include "run/items.h"
#include "run/run.h"

namespace vega::extract {
namespace {

constexpr auto kFeaturesHelp =
    R"(Writes one HDF5 file a scene: tokens (frames, rows, columns, channels), poses, cameras, thumbnails. Every
finished scene is a line KEY<TAB>PATH on stdout. A scene that is complete with the same key is skipped; one
made with other options is refused, with the difference spelled out.

Examples:
  vega-extract features scans/scene0000_00 --model Wan2.1-T2V-1.3B --device cuda -o features
  vega-extract features kitchen --backbone rgb --view stretch --select uniform:64 -o features
  vega-extract features --root data --list scans.txt --model Wan2.1-T2V-1.3B --dry-run --report audit.json
  vega-extract features walk.mp4 --model Wan2.1-T2V-1.3B --select fps:2 --blocks 10,20 --timesteps 0:1000:100

See also: preview, inspect, verify; docs/formats.md)";

}  // namespace

RunResult run_features(const FeatureOptions& options, const Context& context) {
  keep_freed_memory();
  const Recipe recipe = resolve(options);
  if (!options.dry_run) open_device(recipe.device.str());  // before anything is computed
  const ItemList list =
      gather_items({options.inputs, options.list, options.shard, options.key, options.root});
  const RunOptions how{options.report, options.fail_fast, options.dry_run, options.threads};
  LazyBackbone backbone(make_backbone(backbone_options(options, recipe)));
  SceneRun run{options,
               recipe,
               backbone,
               std::filesystem::path(options.out) / tag_of(options, recipe, backbone.known()),
               context.progress,
               Batching(recipe.batch, !recipe.batch_auto)};
  if (options.dry_run) {
    return publish_audit(
        audit_scenes(list.items, options, recipe, backbone.known(), run.folder, context.progress),
        options.report, context);
  }
  return run_items({list, how, {run.folder}, true}, context,
                   [&](const Item& item) { return make_scene(item, run); });
}

Verb features_verb() {
  return make_verb("features", "compute the features of scenes", kFeaturesHelp, run_features);
}

}  // namespace vega::extract
