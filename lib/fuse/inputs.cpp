#include "fuse/inputs.h"

#include <fmt/core.h>

#include "base/error.h"
#include "store/join.h"

namespace vega::fuse {
namespace fs = std::filesystem;
namespace {

void open_semantic(const Item& item, const Recipe& recipe, SceneInputs& in) {
  const fs::path path = file_of_scene("--semantic", recipe.semantic, item.key,
                                      "vega-extract features --backbone siglip");
  in.semantic = std::make_unique<const FeatureReader>(path);
  join_frames(frames_of(*in.generative), frames_of(*in.semantic), FrameMatch::kEqual);
  in.semantic_tap = in.semantic->tap_index(recipe.semantic_tap);
  const TapInfo& tap = in.semantic_info();
  if (tap.grid_h != kSemanticGrid.rows || tap.grid_w != kSemanticGrid.columns)
    throw InputError(explain(path.string() + ": tap " + tap.name,
                             fmt::format("{}x{} cells", tap.grid_h, tap.grid_w),
                             "27x27: tokens are projected first and pooled to 14x14 then",
                             "extract with --backbone siglip and its own --pool native"));
}

void open_scene(const Item& item, const Recipe& recipe, SceneInputs& in) {
  const fs::path path =
      file_of_scene("--scenes", recipe.scenes, item.key, "vega-extract scene --select frames:DIR");
  in.scene = std::make_unique<const SceneReader>(path);
  join_frames(frames_of(*in.generative), frames_of(*in.scene), FrameMatch::kEqual);
  if (!in.semantic) return;
  const std::string view = in.semantic_info().view, other = in.scene->patches().view;
  if (!view.empty() && view != other)  // imported features may not say
    throw InputError(explain(in.semantic->path().string() + " and " + path.string(),
                             "views " + view + " and " + other, "one view of the frames",
                             "vega-extract scene --view " + view));
}

}  // namespace

Grid SceneInputs::generative_grid() const {
  const TapInfo& tap = generative_info();
  return {tap.grid_h, tap.grid_w};
}

Affine SceneInputs::token_cells(std::size_t frame) const {
  if (semantic) return rescale_cells(semantic_info().cell_to_px[frame], kSemanticGrid, kTokens);
  return rescale_cells(generative_info().cell_to_px[frame], generative_grid(), kTokens);
}

SceneInputs open_inputs(const Item& item, const Recipe& recipe) {
  SceneInputs in;
  in.generative = std::make_unique<const FeatureReader>(item.path);
  require_key(item.path, in.generative->header().key, item.key);
  in.generative_tap = in.generative->tap_index(recipe.tap);
  in.frames = in.generative->frames();
  if (!recipe.semantic.empty()) open_semantic(item, recipe, in);
  if (!recipe.scenes.empty()) open_scene(item, recipe, in);
  if (!recipe.pixel() && !(in.generative_grid() == kTokens))
    throw InputError(explain(
        item.path.string() + ": tap " + in.generative_info().name,
        fmt::format("{}x{} cells", in.generative_grid().rows, in.generative_grid().columns),
        "14x14 with --align reference", "extract with --pool 14x14, or fuse with --align pixel"));
  return in;
}

}  // namespace vega::fuse
