#include "geometry/scene_files.h"

#include <cmath>

namespace vega {

ImageU16 depth_map(const SceneReader& scene, const SceneFrames& frames, std::size_t row) {
  ImageU16 depth;
  depth.width = frames.depth_width;
  depth.height = frames.depth_height;
  depth.v = scene.depth(row);
  return depth;
}

ImageSize color_size(const FrameTable& frames, std::size_t row) {
  return {frames.size_color[row][1], frames.size_color[row][0]};
}

bool same_pose(const Pose& a, const Pose& b, double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
    if (std::abs(a[i] - b[i]) > tolerance) return false;
  }
  return true;
}

}  // namespace vega
