#include "vlm/scene.h"

#include <ATen/ATen.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "core/tensor.h"
#include "fusion/features.h"
#include "fusion/objects.h"
#include "geometry/patches.h"
#include "media/decode.h"
#include "media/view.h"
#include "models/siglip/config.h"
#include "store/join.h"
#include "vlm/scene_tokens.h"

namespace vega::vlm {
namespace {

constexpr Grid kFine{kCellGrid, kCellGrid}, kTokens{kTokenGrid, kTokenGrid};

// The whole of one scene's reading: what is there, and what the checkpoint makes of it.
struct Reading {
  const VlmCheckpoint& checkpoint;
  const SceneFiles& files;
  const Switches& switches;
  std::string differences = {};  // from training

  [[noreturn]] void missing(const std::string& what, const std::string& why,
                            const std::string& remedy) const {
    throw InputError(explain("the scene", "no " + what, why, remedy));
  }

  // Without files of features zeros stand for them, in the frames of the scene file.
  bool makes_zeros() const {
    return checkpoint.config.zero_visual && files.scene != nullptr && files.tokens == nullptr;
  }

  // (V, cells, C) of zeros.
  at::Tensor zeros(const std::optional<ProjectorConfig>& projector, std::int64_t cells) const {
    return at::zeros({static_cast<std::int64_t>(frame_count()), cells, projector->in});
  }

  void check_there() const {
    Needs needs = checkpoint.needs();
    if (makes_zeros()) needs.semantic = needs.generative = false;
    if (files.pixels) {
      if (files.scene == nullptr || !files.scene->has_color())
        missing("pictures in its scene file", "a vision tower that trains reads them",
                "vega-extract scene keeps the frames' pictures where it may");
    } else if (needs.semantic && files.semantic == nullptr && files.tokens == nullptr)
      missing(
          "semantic features", "those of the checkpoint's vision tower",
          "vega-extract features --backbone siglip --pool native; or tokens of vega-fuse tokens "
          "--checkpoint CHECKPOINT");
    if (needs.generative && files.generative == nullptr && files.tokens == nullptr)
      missing("generative features", "what the checkpoint fuses",
              "vega-extract features --backbone wan --recipe CHECKPOINT; or tokens of vega-fuse "
              "tokens --checkpoint CHECKPOINT");
    if (needs.positions && files.scene == nullptr)
      missing("scene file: depth and camera poses are missing",
              name_of(checkpoint.family) + " places what it sees in 3D",
              "a scan with depth and poses works (vega-extract scene); for a plain video, a "
              "checkpoint without 3D positions does, such as LLaVA-Video-7B-Qwen2");
  }

  void check_frames() const {
    std::vector<FileFrames> all;
    if (files.tokens != nullptr) all.push_back(frames_of(*files.tokens));
    if (files.semantic != nullptr) all.push_back(frames_of(*files.semantic));
    if (files.generative != nullptr) all.push_back(frames_of(*files.generative));
    if (files.scene != nullptr) all.push_back(frames_of(*files.scene));
    for (std::size_t i = 1; i < all.size(); ++i) join_frames(all[0], all[i], FrameMatch::kEqual);
  }

  std::size_t frame_count() const {
    return files.pixels                  ? files.scene->frame_count()
           : files.tokens != nullptr     ? files.tokens->frame_count()
           : files.semantic != nullptr   ? files.semantic->frame_count()
           : files.generative != nullptr ? files.generative->frame_count()
                                         : files.scene->frame_count();
  }

  void check_width(const FeatureReader& file, const TapInfo& info, std::int64_t width,
                   const char* projector) const {
    if (info.channels == width) return;
    throw InputError(explain(file.path().string() + ": tap " + info.name,
                             std::to_string(info.channels) + " channels",
                             std::to_string(width) + ", as " + projector + "* takes",
                             "features of the backbone that the checkpoint was trained with"));
  }

  // (V, cells, C).
  at::Tensor tap(const FeatureReader& file, std::size_t index) const {
    const TapInfo& info = file.taps()[index];
    const auto width = static_cast<std::int64_t>(info.channels);
    const std::size_t frames = file.frame_count();
    return float_tensor(read_finite(file, index, 0, frames),
                        {static_cast<std::int64_t>(frames), info.grid_h * info.grid_w, width});
  }

  void check_grid(const FeatureReader& file, const TapInfo& info, Grid grid,
                  const char* remedy) const {
    if (info.grid_h == grid.rows && info.grid_w == grid.columns) return;
    throw InputError(explain(file.path().string() + ": tap " + info.name,
                             fmt::format("{}x{} cells", info.grid_h, info.grid_w),
                             fmt::format("{}x{}", grid.rows, grid.columns), remedy));
  }

  // Adds to `differences` what the header says.
  void check_semantic() {
    const FeatureReader& file = *files.semantic;
    const std::size_t index = file.tap_index(files.semantic_tap);
    const TapInfo& info = file.taps()[index];
    check_grid(file, info, kFine, "extract with --backbone siglip --pool native");
    // mllm and stretch both show the whole frame.
    const bool crop = info.view == "center_crop", trained = checkpoint.view() == "center_crop";
    if (!info.view.empty() && crop != trained)
      differences += fmt::format("\n  view: semantic features have {}, trained on {}", info.view,
                                 checkpoint.view());
    check_tower(file);
    check_width(file, info, checkpoint.modules.semantic->in, kSemanticPrefix);
  }

  at::Tensor semantic() {
    check_semantic();
    return tap(*files.semantic, files.semantic->tap_index(files.semantic_tap));
  }

  // Checkpoints have towers of their own: fine-tuned, or changed by an adapter. Features that other
  // programs made do not say which tower they are of.
  void check_tower(const FeatureReader& file) {
    const auto options = parse_json(file.header().options_json).value_or(Json());
    if (!checkpoint.tower || options["backbone"] != Json("siglip")) return;
    const std::string expected = checkpoint.tower->model_fingerprint();
    if (file.header().model_fp != expected)
      differences += fmt::format(
          "\n  vision tower: semantic features are of model {}, the "
          "checkpoint's own tower is {}",
          file.header().model_fp, expected);
  }

  // (V, 3, 384, 384): the view that the semantic features of the checkpoint are made of.
  at::Tensor pixels() const {
    const SceneReader& scene = *files.scene;
    const View view = view_from_name(checkpoint.view());
    const SceneFrames frames = scene.frames();
    const ImageSize square{siglip::kImageSide, siglip::kImageSide};
    std::vector<at::Tensor> out;
    for (std::size_t v = 0; v < frame_count(); ++v) {
      const std::string where = fmt::format("{}: picture {}", scene.path().string(), v);
      const SignedImage seen = apply_view(decode_image(scene.color_jpeg(v), where), view, square,
                                          {frames.depth_width, frames.depth_height});
      out.push_back(float_tensor(seen.chw, {3, square.height, square.width}));
    }
    return at::stack(out);
  }

  // Whether generative cells are brought to where semantic ones look.
  bool maps_cells() const {
    return switches.align == AlignMode::kPixel && checkpoint.config.fuses &&
           files.semantic != nullptr;
  }

  // Adds to `differences` what the header says.
  void check_generative() {
    const FeatureReader& file = *files.generative;
    const std::size_t index = file.tap_index(files.generative_tap);
    const TapInfo& info = file.taps()[index];
    differences += differences_from(checkpoint.modules.trained_on, file, index);
    check_width(file, info, checkpoint.modules.generative->in, kGenerativePrefix);
    if (!maps_cells()) check_grid(file, info, kTokens, "extract with --pool 14x14");
  }

  void generative(SceneInput& out) {
    check_generative();
    const std::size_t index = files.generative->tap_index(files.generative_tap);
    out.generative = tap(*files.generative, index);
    if (maps_cells()) map_cells(files.generative->taps()[index], out);
  }

  std::string key() const {
    return files.tokens != nullptr       ? files.tokens->header().key
           : files.semantic != nullptr   ? files.semantic->header().key
           : files.generative != nullptr ? files.generative->header().key
           : files.scene != nullptr      ? files.scene->header().key
                                         : std::string();
  }

  // Throws InputError, unless a mismatch is allowed. Returns how features differ from training.
  std::string message() const {
    if (differences.empty()) return "";
    const std::string text = key() + " and " + checkpoint.path.string() +
                             ": other features than it was trained on" + differences;
    if (!files.allow_mismatch)
      throw InputError(text + "\n  extract them so, or pass --allow-mismatch");
    return text;
  }

  // Generative features where the semantic cells look.
  void map_cells(const TapInfo& info, SceneInput& out) const {
    const FeatureReader& file = *files.semantic;
    const TapInfo& target = file.taps()[file.tap_index(files.semantic_tap)];
    const Grid grid{info.grid_h, info.grid_w};
    std::vector<at::Tensor> cells, uncovered;
    for (std::size_t v = 0; v < frame_count(); ++v) {
      const Alignment how = align(rescale_cells(target.cell_to_px[v], kFine, kTokens), kTokens,
                                  info.cell_to_px[v], grid);
      const at::Tensor weights = float_tensor(how.weights, {kTokens.cells(), grid.cells()});
      cells.push_back(weights.matmul(out.generative[static_cast<std::int64_t>(v)]));
      uncovered.push_back(weights.sum(1) == 0);
    }
    out.generative = at::stack(cells);
    out.uncovered = at::stack(uncovered);
  }

  SceneGeometry geometry() const {
    return {scene_geometry(*files.scene).view, switches.geometry, switches.zero_depth};
  }

  // What stands for the tokens' patches, and which cells are whose: out of the scene file where it
  // has them as they are asked for, else of its depth maps, which are read once for both.
  void places(SceneInput& out) const {
    const std::optional<PositionConfig>& position = checkpoint.config.position;
    const std::optional<ObjectCells> cells = objects(out);
    const bool averages = position && (position->points != PointStrategy::kAvg ||
                                       geometry() != scene_geometry(*files.scene));
    const bool tests = cells && cells->tests_points();
    std::vector<float> points;
    std::vector<at::Tensor> selected;
    const SceneFrames frames = averages || tests ? files.scene->frames() : SceneFrames();
    for (std::size_t v = 0; v < frames.id.size(); ++v) {
      const SceneGeometry how = geometry();
      const PointMap map = points_of(*files.scene, frames, v, how.view);
      if (averages) {
        const auto xyz = patch_points(map, position->points, how.type, how.zero).xyz;
        points.insert(points.end(), xyz.begin(), xyz.end());
      }
      if (tests) selected.push_back(cells->of_points(map));
    }
    if (position)
      out.points = float_tensor(
          averages ? points : files.scene->patches().world14,
          {static_cast<std::int64_t>(frame_count() * kTokenCells), position->point_count(), 3});
    if (!cells) return;
    for (std::size_t v = 0; !tests && v < frame_count(); ++v)
      selected.push_back(cells->of_frame(v));
    out.selected = at::cat(selected, 1);
  }

  // Nothing: the model does not choose among objects, there are none, or their tokens are there.
  std::optional<ObjectCells> objects(SceneInput& out) const {
    if (files.scene == nullptr || !checkpoint.config.ground ||
        !files.scene->has_objects(files.objects) || !out.no_objects.empty())
      return std::nullopt;
    std::optional<ObjectCells> cells;
    if (!out.object_tokens.defined())
      cells.emplace(*files.scene, files.objects, object_mode(checkpoint.config, switches),
                    geometry());
    const SceneObjects objects = cells ? cells->objects() : files.scene->objects(files.objects);
    out.boxes = objects.box;
    out.object_ids = objects.id;
    out.object_labels = objects.label;
    return cells;
  }

  void check_views() const {
    if (files.scene == nullptr) return;
    if (files.pixels) return check_view(checkpoint.view(), checkpoint.path);
    if (files.tokens != nullptr) return check_view(files.tokens->info().view, files.tokens->path());
    if (files.semantic == nullptr) return;
    const auto index = files.semantic->tap_index(files.semantic_tap);
    check_view(files.semantic->taps()[index].view, files.semantic->path());
  }

  void check_view(const std::string& view, const std::filesystem::path& path) const {
    const std::string other = files.scene->patches().view;
    if (view.empty() || (view == "center_crop") == (other == "center_crop")) return;
    throw InputError(
        explain(path.string() + " and " + files.scene->path().string(),
                "views " + view + " and " + other, "one view of the frames",
                "vega-extract scene --view " + std::string(view == "center_crop" ? view : "mllm")));
  }
};

// Shapes stay, so that everything downstream computes what it would compute.
void zero_visual(SceneInput& scene) {
  for (at::Tensor* t : {&scene.semantic, &scene.generative, &scene.semantic_tokens,
                        &scene.generative_tokens, &scene.fused_tokens, &scene.object_tokens})
    if (t->defined()) *t = at::zeros_like(*t);
}

}  // namespace

ObjectMode object_mode(const VlmConfig& config, const Switches& switches) {
  return switches.fused_objects ? ObjectMode::kPatch27 : config.objects;
}

SceneInput read_scene(const VlmCheckpoint& checkpoint, const SceneFiles& files,
                      const Switches& switches) {
  Reading reading{checkpoint, files, switches};
  reading.check_there();
  reading.check_frames();
  reading.check_views();
  const Needs needs = checkpoint.needs();
  SceneInput out;
  out.trained = !checkpoint.modules.initial_values;
  out.key = reading.key();
  if (files.tokens != nullptr) {
    reading.differences += read_tokens(checkpoint, files, switches, out);
  } else {
    if (files.pixels)
      out.pixels = reading.pixels();
    else if (needs.semantic)
      out.semantic = files.semantic != nullptr
                         ? reading.semantic()
                         : reading.zeros(checkpoint.modules.semantic, kFine.cells());
    if (needs.generative && files.generative != nullptr)
      reading.generative(out);
    else if (needs.generative)
      out.generative = reading.zeros(checkpoint.modules.generative, kTokens.cells());
  }
  reading.places(out);
  if (checkpoint.config.zero_visual) zero_visual(out);
  if (const std::string message = reading.message(); !message.empty()) log_warn("{}", message);
  out.mismatch = reading.differences;
  return out;
}

void check_recipe(const VlmCheckpoint& checkpoint, const SceneFiles& files,
                  const Switches& switches) {
  Reading reading{checkpoint, files, switches};
  reading.check_views();
  if (files.tokens != nullptr) {
    reading.differences += check_tokens(checkpoint, files, switches);
  } else {
    const Needs needs = checkpoint.needs();
    if (needs.semantic && files.semantic != nullptr) reading.check_semantic();
    if (needs.generative && files.generative != nullptr) reading.check_generative();
  }
  static_cast<void>(reading.message());
}

}  // namespace vega::vlm
