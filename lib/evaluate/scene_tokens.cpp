#include "evaluate/scene_tokens.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "geometry/cells.h"
#include "store/join.h"

namespace vega::evaluate {
namespace {

// A cyclic permutation (Sattolo), so that no frame keeps its place.
std::vector<std::size_t> derangement(std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  const PhiloxKey key = philox_key(seed ^ fnv1a64("permuted poses"));
  for (std::size_t i = count; i-- > 1;) {
    const auto words = philox4x32({static_cast<std::uint32_t>(i), 0, 0, 0}, key);
    std::swap(order[i], order[words[0] % i]);
  }
  return order;
}

void choose_frames(const FeatureReader& features, const SceneReader& scene,
                   const GeometryRule& rule, LoadedTokens& out) {
  const FileFrames main = frames_of(features), other = frames_of(scene);
  const auto scene_rows = join_frames(main, other, FrameMatch::kAmong);
  std::set<std::int64_t> seen;
  for (std::size_t row = 0; row < main.id.size(); ++row) {
    if (!seen.insert(main.id[row]).second && rule.drop_repeats) continue;
    out.row.push_back(row);
    out.scene_row.push_back(scene_rows[row]);
    out.id.push_back(main.id[row]);
    out.pose.push_back(other.world_from_cam[scene_rows[row]]);
  }
  if (!rule.permuted_poses || out.pose.size() < 2) return;
  const std::vector<Pose> own = out.pose;
  const auto order = derangement(own.size(), rule.seed);
  for (std::size_t v = 0; v < own.size(); ++v) out.pose[v] = own[order[v]];
}

// As the features say, else the scene file.
ImageSize known_size(const FrameTable& table, std::size_t row, const SceneFrames& frames,
                     std::size_t scene_row) {
  const ImageSize size = color_size(table, row);
  if (!size.empty()) return size;
  return {frames.size_color[scene_row][1], frames.size_color[scene_row][0]};
}

}  // namespace

SceneTokens LoadedTokens::tokens() const {
  return {static_cast<std::int64_t>(row.size()), grid_h, grid_w, channels, features, world, valid};
}

LoadedTokens load_tokens(const FeatureReader& features, std::size_t tap, const SceneReader& scene,
                         const GeometryRule& rule, int threads) {
  const TapInfo& info = features.taps()[tap];
  LoadedTokens out;
  choose_frames(features, scene, rule, out);
  out.grid_h = info.grid_h;
  out.grid_w = info.grid_w;
  out.channels = info.channels;
  const auto cells = static_cast<std::size_t>(info.grid_h * info.grid_w);
  const auto values = cells * static_cast<std::size_t>(info.channels);
  const std::size_t count = out.row.size();
  out.features.resize(count * values);
  out.world.resize(count * cells * 3);
  out.valid.resize(count * cells);
  const FrameTable table = features.frames();
  const SceneFrames frames = scene.frames();
  const Grid grid{info.grid_h, info.grid_w};
  parallel_for(count, threads, [&](std::size_t v) {
    const auto read = features.read_f32(tap, out.row[v], 1);
    std::copy(read.begin(), read.end(), out.features.begin() + std::ptrdiff_t(v * values));
    const ImageU16 depth = depth_map(scene, frames, out.scene_row[v]);
    const Intrinsics& K = frames.K_depth[out.scene_row[v]];
    const CellPoints points =
        rule.crop && info.view == "native" && info.width > 0
            ? crop_cells(depth, K, out.pose[v],
                         {static_cast<int>(info.width), static_cast<int>(info.height)}, grid,
                         rule.zero)
            : cell_points(depth, K, out.pose[v], info.cell_to_px[out.row[v]],
                          known_size(table, out.row[v], frames, out.scene_row[v]), grid, rule.zero);
    std::copy(points.xyz.begin(), points.xyz.end(),
              out.world.begin() + std::ptrdiff_t(v * cells * 3));
    std::copy(points.valid.begin(), points.valid.end(),
              out.valid.begin() + std::ptrdiff_t(v * cells));
  });
  return out;
}

ProbeImage probe_image(const LoadedTokens& loaded, std::size_t v, const FeatureReader& features,
                       std::size_t tap, const SceneReader& scene, std::vector<float>& depth) {
  const TapInfo& info = features.taps()[tap];
  const SceneFrames frames = scene.frames();
  const std::size_t row = loaded.scene_row[v];
  const auto cells = static_cast<std::size_t>(loaded.grid_h * loaded.grid_w * loaded.channels);
  ProbeImage image;
  image.height = frames.depth_height / 4;
  image.width = frames.depth_width / 4;
  depth = working_depth(scene.depth(row), frames.depth_height, frames.depth_width);
  image.depth_m = depth;
  image.K = working_intrinsics(frames.K_depth[row]);
  image.world_from_cam = loaded.pose[v];
  image.grid_h = loaded.grid_h;
  image.grid_w = loaded.grid_w;
  image.channels = loaded.channels;
  image.features = std::span<const float>(loaded.features).subspan(v * cells, cells);
  const ImageSize color = known_size(features.frames(), loaded.row[v], frames, row);
  image.cell_from_pixel =
      cell_from_working(info.cell_to_px[loaded.row[v]], color, image.height, image.width);
  return image;
}

}  // namespace vega::evaluate
