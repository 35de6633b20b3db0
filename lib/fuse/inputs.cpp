#include "fuse/inputs.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/json.h"
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

std::vector<float> read_finite(const FeatureReader& file, std::size_t tap, std::size_t first,
                               std::size_t count) {
  std::vector<float> values = file.read_f32(tap, first, count);
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad == values.end()) return values;
  const TapInfo& info = file.taps()[tap];
  const auto at = static_cast<std::int64_t>(bad - values.begin());
  const std::int64_t cells = info.grid_h * info.grid_w;
  const auto frame = first + static_cast<std::size_t>(at / (cells * info.channels));
  throw InputError(
      explain(fmt::format("{}: tap {}", file.path().string(), info.name),
              fmt::format("{} in frame {}, cell {}, channel {}", *bad, file.frames().id[frame],
                          at / info.channels % cells, at % info.channels),
              "finite features", "extract the scene again; vega-extract verify names such files"));
}

std::string differences_from(const TrainedOn& trained, const SceneInputs& inputs) {
  const TapInfo& tap = inputs.generative_info();
  std::string differences;
  const auto differs = [&](const char* what, const std::string& got, const std::string& expected) {
    differences += fmt::format("\n  {}: features have {}, trained on {}", what, got, expected);
  };
  const auto number = [](double v) { return fmt::format("{:g}", v); };
  if (trained.block >= 0 && tap.block >= 0 && tap.block != trained.block)
    differs("block", std::to_string(tap.block), std::to_string(trained.block));
  if (trained.timestep >= 0 && tap.timestep_asked >= 0 && tap.timestep_asked != trained.timestep)
    differs("timestep", number(tap.timestep_asked), number(trained.timestep));
  if (trained.width > 0 && tap.width > 0 &&
      (tap.width != trained.width || tap.height != trained.height))
    differs("size", fmt::format("{}x{}", tap.width, tap.height),
            fmt::format("{}x{}", trained.width, trained.height));
  if (!trained.view.empty() && !tap.view.empty() && tap.view != trained.view)
    differs("view", tap.view, trained.view);
  const auto options = parse_json(inputs.generative->header().options_json).value_or(Json());
  const std::optional<double> shift = options["shift"].number();
  if (trained.shift >= 0 && shift && *shift != trained.shift)
    differs("shift", number(*shift), number(trained.shift));
  return differences;
}

}  // namespace vega::fuse
