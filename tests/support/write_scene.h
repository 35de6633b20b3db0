// A scene in memory as a scene file.
#pragma once

#include <algorithm>
#include <filesystem>
#include <span>
#include <vector>

#include "store/scene_file.h"

namespace vega {

// Throws as SceneWriter does.
inline void write_scene_file(const std::filesystem::path& path, const SceneFile& scene) {
  const auto part = [](const auto& all, std::size_t index, std::size_t size) {
    const std::span whole(all);
    const std::size_t first = std::min(whole.size(), index * size);
    return whole.subspan(first, std::min(size, whole.size() - first));
  };
  const SceneFrames& f = scene.frames;
  const std::size_t count = f.id.size(), grid = kTokenGrid * kTokenGrid;
  const auto pixels = static_cast<std::size_t>(f.depth_height * f.depth_width);
  std::vector<std::size_t> sizes;
  for (const auto& picture : f.color_jpeg) sizes.push_back(picture.size());
  SceneWriter writer(path, scene, sizes);
  for (std::size_t v = 0; v < count; ++v) {
    SceneWriter::Frame frame;
    frame.depth = part(f.depth, v, pixels);
    if (!sizes.empty()) frame.picture = f.color_jpeg[v];
    frame.world14 = part(scene.patches.world14, v, grid * 3);
    frame.valid14 = part(scene.patches.valid14, v, grid);
    writer.put_frame(frame);
  }
  const auto put = [&](ObjectKind kind, const SceneObjects& objects) {
    for (std::size_t n = 0; n < objects.id.size(); ++n)
      writer.put_cells(kind, part(objects.cells, n, count * kCellGrid * kCellGrid));
  };
  if (scene.has_gt) put(ObjectKind::kGt, scene.gt);
  if (scene.has_proposals) put(ObjectKind::kProposal, scene.proposals);
  writer.finish();
}

}  // namespace vega
