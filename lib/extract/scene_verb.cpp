#include "extract/scene_verb.h"

#include "base/memory.h"
#include "extract/scene_work.h"
#include "run/run.h"

namespace vega::extract {
namespace {

constexpr auto kSceneHelp =
    R"(Writes one HDF5 file a scene: depth, axis-aligned poses and original pictures of the chosen frames, world
coordinates of the 14x14 patches, objects with boxes and, for each frame, the pixels of every patch inside them. A
raw ScanNet scan needs .sens, .txt, _vh_clean_2.ply, segs.json and aggregation.json; no pickle, no exported frames.
Depth and poses are required; mesh and annotation give the objects, an alignment that is absent is the identity.

Examples:
  vega-extract scene scans/scene0000_00 --masks mask/ --labels scannetv2-labels.combined.tsv -o scenes
  vega-extract scene kitchen --select mc-ratio95 --compat fixed -o scenes

See also: features, inspect, verify; docs/formats.md)";

}  // namespace

RunResult run_scene(const SceneFileOptions& options, const Context& context) {
  keep_freed_memory();
  const SceneRecipe recipe = resolve_scene(options);
  const ItemList list = gather_items(options.items);
  if (options.run.dry_run) {
    DryRun dry;
    dry.title = "view " + std::string(name_of(recipe.view)) + ", " + recipe.switches();
    dry.machine = measure_host(recipe.threads, recipe.output.out);
    return dry_run(dry, list, options.run, context, [&](const Item& item) {
      return SceneFileWork(item, recipe, Findings::AtError::kCollect)
          .look(dry.machine, list.items.size() > 1);
    });
  }
  return run_items({list, options.run, {recipe.output.out}}, context,
                   [&](const Item& item) { return std::make_unique<SceneFileWork>(item, recipe); });
}

Verb scene_verb() {
  return make_verb("scene", "collect depth, poses, patch coordinates and objects of scenes",
                   kSceneHelp, run_scene);
}

}  // namespace vega::extract
