#include "evaluate/probe_scene.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "core/tensor.h"
#include "kernels/pool_tokens.h"
#include "probe/space_scores.h"
#include "store/join.h"

namespace vega::evaluate {
namespace {

// The scene file as far as all sets need it.
struct ProbedScene {
  SceneReader reader;
  FileFrames joined;
  SceneFrames frames;
  std::vector<std::string> names;
  std::vector<LabelledBox> boxes;  // smallest first

  explicit ProbedScene(const std::filesystem::path& path)
      : reader(path), joined(frames_of(reader)), frames(reader.frames()) {
    if (!reader.has_objects(ObjectKind::kGt)) return;
    const SceneObjects objects = reader.objects(ObjectKind::kGt);
    for (std::size_t i = 0; i < objects.box.size(); ++i) {
      if (objects.label[i].empty()) continue;
      const auto at = std::find(names.begin(), names.end(), objects.label[i]);
      boxes.push_back({objects.box[i], static_cast<std::int32_t>(at - names.begin())});
      if (at == names.end()) names.push_back(objects.label[i]);
    }
    boxes = smallest_first(std::move(boxes));
  }

  std::int32_t floor_name() const {
    const auto at = std::find(names.begin(), names.end(), "floor");
    return at == names.end() ? -1 : static_cast<std::int32_t>(at - names.begin());
  }
};

// Where the cells of a set are; `row` are frames of the feature file.
struct SetGeometry {
  std::vector<std::size_t> row, scene_row;
  std::vector<Affine> cell_to_px;
  std::vector<ImageSize> color;
  Grid grid;
};

// Maps that were computed on different ways differ by rounding: a millionth of a pixel is no other
// place.
bool same_maps(const std::vector<Affine>& a, const std::vector<Affine>& b) {
  constexpr double kSame_px = 1e-6;
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const Affine& one, const Affine& other) {
        return std::equal(one.begin(), one.end(), other.begin(),
                          [](double x, double y) { return std::abs(x - y) <= kSame_px; });
      });
}

SetGeometry geometry_of(const FeatureReader& features, const TapInfo& tap, const ProbedScene& scene,
                        Grid wanted) {
  SetGeometry out;
  const Grid own{tap.grid_h, tap.grid_w};
  out.grid = wanted.empty() ? own : wanted;
  const FileFrames main = frames_of(features);
  const auto scene_rows = join_frames(main, scene.joined, FrameMatch::kAmong);
  const FrameTable table = features.frames();
  std::set<std::int64_t> seen;
  for (std::size_t row = 0; row < main.id.size(); ++row) {
    if (!seen.insert(main.id[row]).second) continue;
    const std::size_t at = scene_rows[row];
    out.row.push_back(row);
    out.scene_row.push_back(at);
    out.cell_to_px.push_back(rescale_cells(tap.cell_to_px[row], own, out.grid));
    const ImageSize size = color_size(table, row);
    const auto& of_scene = scene.frames.size_color[at];
    out.color.push_back(size.empty() ? ImageSize{of_scene[1], of_scene[0]} : size);
  }
  return out;
}

std::shared_ptr<const CellTruth> truth_of(const SetGeometry& where, const ProbedScene& scene,
                                          const CellRule& rule, int threads) {
  auto out = std::make_shared<CellTruth>();
  out->grid = where.grid;
  out->scene_row = where.scene_row;
  out->cell_to_px = where.cell_to_px;
  out->color = where.color;
  const std::size_t frames = where.row.size();
  std::vector<CellTargets> of_frame(frames);
  parallel_for(frames, threads, [&](std::size_t v) {
    const std::size_t row = where.scene_row[v];
    of_frame[v] = cell_targets(depth_map(scene.reader, scene.frames, row),
                               scene.frames.K_depth[row], scene.frames.world_from_cam[row],
                               where.cell_to_px[v], where.color[v], where.grid, scene.boxes, rule);
  });
  std::vector<float> z_m;
  for (const CellTargets& frame : of_frame) {
    z_m.insert(z_m.end(), frame.z_m.begin(), frame.z_m.end());
    out->label.insert(out->label.end(), frame.label.begin(), frame.label.end());
  }
  out->floor = floor_level(z_m, out->label, scene.floor_name());
  for (const CellTargets& frame : of_frame)
    for (std::size_t c = 0; c < frame.depth_m.size(); ++c)
      out->target.insert(out->target.end(),
                         {frame.depth_m[c], static_cast<float>(frame.z_m[c] - out->floor.z_m),
                          frame.normal[3 * c], frame.normal[3 * c + 1], frame.normal[3 * c + 2]});
  return out;
}

// (V, cells, channels) on the grid that is wanted.
at::Tensor features_on(const FeatureReader& file, std::size_t tap, const SetGeometry& where,
                       int threads) {
  const TapInfo& info = file.taps()[tap];
  const std::int64_t own = info.grid_h * info.grid_w, cells = where.grid.cells();
  const auto frames = static_cast<std::int64_t>(where.row.size());
  at::Tensor out = at::empty({frames, cells, info.channels}, at::kFloat);
  const auto body = [&](std::size_t v) {
    const auto read = file.read_f32(tap, where.row[v], 1);
    at::Tensor tokens = float_tensor(read, {1, own, info.channels});
    if (where.grid != Grid{info.grid_h, info.grid_w})
      tokens = kernels::pool_tokens(tokens, info.grid_h, info.grid_w, where.grid.rows,
                                    where.grid.columns);
    out.select(0, static_cast<std::int64_t>(v)).copy_(tokens[0]);
  };
  parallel_for(where.row.size(), threads, body, [] { at::set_num_threads(1); });
  return out;
}

// The cells that count, with their columns and truths.
void choose_cells(const at::Tensor& features, SetCells& out) {
  const CellTruth& truth = *out.truth;
  const std::int64_t cells = truth.grid.cells(), channels = features.size(2);
  const auto all = static_cast<std::int64_t>(truth.label.size());
  const float* values = features.const_data_ptr<float>();
  for (std::int64_t i = 0; i < all; ++i) {
    if (!std::isfinite(truth.target[static_cast<std::size_t>(i * kSpaceTargets)])) continue;
    const float* token = values + i * channels;
    if (std::all_of(token, token + channels, [](float value) { return std::isfinite(value); }))
      out.cell.push_back(i);
    else
      ++out.not_finite;
  }
  const auto n = std::ssize(out.cell);
  const std::int64_t place = out.place();
  out.x = at::zeros({n, place + channels}, at::kFloat);
  out.y = at::empty({n, kSpaceTargets}, at::kFloat);
  float* x = out.x.mutable_data_ptr<float>();
  float* y = out.y.mutable_data_ptr<float>();
  for (const std::int64_t i : out.cell) {
    const std::int64_t cell = i % cells;
    x[cell / truth.grid.columns] = 1;
    x[truth.grid.rows + cell % truth.grid.columns] = 1;
    x = std::copy_n(values + i * channels, channels, x + place);
    y = std::copy_n(truth.target.data() + i * kSpaceTargets, kSpaceTargets, y);
  }
}

}  // namespace

std::vector<std::int32_t> SetCells::labels() const {
  std::vector<std::int32_t> out;
  for (const std::int64_t i : cell) out.push_back(truth->label[static_cast<std::size_t>(i)]);
  return out;
}

SceneCells read_scene_cells(const ProbeRecipe& recipe, const std::string& key,
                            const std::filesystem::path& path) {
  if (!std::filesystem::exists(path))
    throw InputError(
        explain(path.string(), "no such file", "the scene of the features",
                "vega-extract scene ... --select frames:" + recipe.sets.front().folder.string() +
                    " -o " + recipe.scenes.string()));
  const ProbedScene scene(path);
  SceneCells out;
  out.names = scene.names;
  for (const ProbedSet& set : recipe.sets) {
    const FeatureReader features(set.files.at(key));
    const std::size_t tap = features.tap_index(set.tap);
    const TapInfo& info = features.taps()[tap];
    const SetGeometry where = geometry_of(features, info, scene, recipe.grid);
    SetCells cells;
    for (const SetCells& other : out.sets)
      if (other.truth->grid == where.grid && other.truth->scene_row == where.scene_row &&
          same_maps(other.truth->cell_to_px, where.cell_to_px) && other.truth->color == where.color)
        cells.truth = other.truth;
    if (!cells.truth) cells.truth = truth_of(where, scene, recipe.cells, recipe.threads);
    cells.channels = info.channels;
    cells.frames = std::ssize(where.row);
    cells.tap = info.name;
    cells.cache_key = info.cache_key;
    choose_cells(features_on(features, tap, where, recipe.threads), cells);
    if (cells.cell.empty())
      throw InputError(explain(features.path().string(), "no cell with depth and finite features",
                               "depth in the part of the frames that the features cover"));
    out.sets.push_back(std::move(cells));
  }
  return out;
}

}  // namespace vega::evaluate
