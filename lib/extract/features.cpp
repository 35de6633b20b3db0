#include "extract/features.h"

#include <fmt/core.h>

#include "base/memory.h"
#include "core/device.h"
#include "extract/feature_work.h"
#include "extract/recipe.h"
#include "run/items.h"
#include "run/run.h"

namespace vega::extract {
namespace {

constexpr auto kFeaturesHelp =
    R"(Writes one HDF5 file a scene: tokens (frames, rows, columns, channels), poses, cameras, thumbnails. Every
finished scene is a line KEY<TAB>PATH on stdout. A scene that is complete with the same key is skipped; one
made with other options is refused, with the difference spelled out.

Scenes are told apart by what they hold (N: the number of a frame):
  ScanNet, posed images  NNNNN.jpg (or 8-bit .png), NNNNN.txt (pose), NNNNN.png (16-bit depth), intrinsic.txt
  ScanNet, raw           a .sens file, or a scan folder with one
  7-Scenes               frame-NNNNNN.color.jpg or .png, .pose.txt, .depth.png or .pgm, camera-intrinsics.txt
  SensReader (Python)    color/N.jpg or .png, depth/N.png or .pgm, pose/N.txt, intrinsic/intrinsic_color.txt
  scannet_frames_25k     the same with intrinsics_color.txt
  SensReader (C++)       frame-N.color.jpg, .pose.txt, .depth.png or .pgm, _info.txt (also 3RScan)
  colour and depth       color/N.jpg or .png and depth/ without pose/: features, but no scene files
  pictures               any other *.jpg, *.jpeg, *.png in the order of numbers or times in their names
  videos                 what libav decodes

Examples:
  vega-extract features scans/scene0000_00 --model Wan2.1-T2V-1.3B --device cuda -o features
  vega-extract features kitchen --backbone rgb --view stretch --select uniform:64 -o features
  vega-extract features --root data --list scans.txt --model Wan2.1-T2V-1.3B --dry-run --report dry-run.json
  vega-extract features walk.mp4 --model Wan2.1-T2V-1.3B --select fps:2 --blocks 10,20 --timesteps 0:1000:100

See also: preview, inspect, verify; docs/formats.md)";

}  // namespace

RunResult dry_run_features(const ItemList& list, const RunOptions& how, FeatureRun& run,
                           const Context& context) {
  const Recipe& recipe = run.recipe;
  const Backbone& backbone = run.backbone.known();
  DryRun dry;
  dry.title =
      fmt::format("{}, {}, view {}, pool {}, stored as {}", backbone.name(), to_string(recipe.size),
                  name_of(recipe.view), recipe.pool.name, name_of(recipe.store_dtype));
  for (const Tap& tap : backbone.taps()) dry.taps.push_back(tap.name);
  dry.machine = measure_machine(recipe, backbone, run.folder);
  return dry_run(dry, list, how, context,
                 [&](const Item& item) { return look_at_features(item, run, dry.machine); });
}

RunResult run_features(const FeatureOptions& options, const Context& context) {
  keep_freed_memory();
  const Recipe recipe = resolve(options);
  if (!options.run.dry_run) use_device(recipe.device);  // before anything is computed
  const ItemList list = gather_items(options.items);
  LazyBackbone backbone(make_backbone(recipe.backbone_options()));
  FeatureRun run{recipe,
                 backbone,
                 recipe.folder_of(backbone.known()),
                 context.progress,
                 Batching(recipe.batch, !recipe.batch_auto),
                 DeviceLane(recipe.device)};
  if (options.run.dry_run) return dry_run_features(list, options.run, run, context);
  return run_items({list, options.run, {run.folder}, true}, context,
                   [&](const Item& item) { return make_feature_work(item, run); });
}

Verb features_verb() {
  return make_verb("features", "compute the features of scenes", kFeaturesHelp, run_features);
}

}  // namespace vega::extract
