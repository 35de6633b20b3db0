#include "store/join.h"

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

}  // namespace vega
