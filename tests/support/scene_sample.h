// The scene file of a made-up scene.
#pragma once

#include <cmath>

#include "store/scene_file.h"
#include "support/feature_samples.h"

namespace vega::test {

// Depth of 80x60 pixels, a box that holds much, one that holds nothing, one of a few cells; cells
// of 27x27 by a rule. Geometry fp32, no depth 0.
struct MadeScene {
  SceneFile file;
  std::vector<std::array<float, 6>> boxes = {{0.3F, 0.5F, 1.3F, 1.0F, 0.9F, 2.0F},
                                             {50, 50, 50, 1, 1, 1},
                                             {0.5F, 0.4F, 1.5F, 0.7F, 0.6F, 3}};
};

inline MadeScene made_scene(const Stream& s) {
  MadeScene made;
  SceneFile& f = made.file;
  f.header.key = s.key;
  f.header.options_json = canonical_json(
      R"({"view": "mllm", "geometry": "fp32", "zero_depth": "keep", "proposals": "masks"})");
  f.header.input_fp = "s" + s.key;
  f.header.cache_key = cache_key(kSceneSchema, f.header.options_json, "", f.header.input_fp);
  const std::size_t frames = s.frames();
  f.frames.id = s.ids;
  f.frames.time_s.assign(frames, 0);
  for (const auto id : s.ids)
    f.frames.world_from_cam.push_back(made_pose(static_cast<double>(id), s.shift_pose));
  f.frames.K_depth.assign(frames, {70, 0, 39.5, 0, 70, 29.5, 0, 0, 1});
  f.frames.K_color.assign(frames, {84, 0, 47.5, 0, 84, 31.5, 0, 0, 1});
  f.frames.size_color.assign(frames, {kFramePixels.height, kFramePixels.width});
  f.frames.depth_height = 60, f.frames.depth_width = 80;
  for (std::size_t i = 0; i < frames * 60 * 80; ++i)
    f.frames.depth.push_back(static_cast<std::uint16_t>(1000 + 7 * (i % 80) + 3 * (i / 80 % 60)));
  f.axis_align = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  f.patches.view = "mllm";
  for (std::size_t i = 0; i < frames * 196 * 3; ++i)
    f.patches.world14.push_back(static_cast<float>(i % 997) * 0.031F - 14.0F);
  f.patches.world14[8] = f.patches.world14[6] = f.patches.world14[7] = NAN;
  f.patches.valid14.assign(frames * 196, 1);
  f.has_gt = true;
  f.gt.source = "annotation";
  for (std::size_t n = 0; n < made.boxes.size(); ++n) {
    f.gt.id.push_back(static_cast<std::int32_t>(7 * n));
    f.gt.label.push_back("chair");
    f.gt.nyu40.push_back(5);
    f.gt.score.push_back(NAN);
    f.gt.box.push_back(made.boxes[n]);
    for (std::size_t v = 0; v < frames; ++v) {
      for (std::size_t c = 0; c < 729; ++c)  // 97 and 98 both occur; the second object has none
        f.gt.cells.push_back(n == 1 ? std::uint8_t{97}
                                    : static_cast<std::uint8_t>((c * 13 + v * 5 + n) % 120));
    }
  }
  f.has_proposals = true;
  f.proposals.source = "masks";
  return made;
}

}  // namespace vega::test
