// A scene file of square frames whose depth the test fills in.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "geometry/pose.h"
#include "store/scene_file.h"

namespace vega::test {

// Frames of side x side pixels with ids 0, step, 2 step ..., and one focal length in pixels. Depth
// is left empty; there are no objects; patches are all at the origin.
inline SceneFile square_scene(const std::string& key, const std::vector<Pose>& poses, int side,
                              int step, double focal) {
  SceneFile scene;
  scene.header.key = key;
  scene.header.cache_key = "0";
  SceneFrames& f = scene.frames;
  f.depth_height = f.depth_width = side;
  for (std::size_t v = 0; v < poses.size(); ++v) {
    f.id.push_back(step * static_cast<int>(v));
    f.time_s.push_back(std::numeric_limits<double>::quiet_NaN());
    f.world_from_cam.push_back(poses[v]);
    f.K_color.push_back({focal, 0, (side - 1) / 2.0, 0, focal, (side - 1) / 2.0, 0, 0, 1});
    f.K_depth.push_back(f.K_color.back());
    f.size_color.push_back({side, side});
  }
  scene.axis_align = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  scene.patches.view = "mllm";
  scene.patches.world14.assign(poses.size() * 196 * 3, 0);
  scene.patches.valid14.assign(poses.size() * 196, 1);
  return scene;
}

}  // namespace vega::test
