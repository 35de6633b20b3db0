// Features of a scene joined with its scene file: the tokens that correspondence is measured on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "correspondence/probe_points.h"
#include "correspondence/tokens.h"
#include "geometry/points.h"
#include "store/features.h"
#include "store/scene_file.h"

namespace vega::evaluate {

struct GeometryRule {
  bool crop = true;  // view native as released (geometry/cells.h); else the pixels inside the cells
  ZeroDepth zero = ZeroDepth::kKeep;
  bool drop_repeats = false;  // frames that are there twice
  // Every frame takes another one's pose (seeded, none its own): the null test.
  bool permuted_poses = false;
  std::uint64_t seed = 42;
};

// The frames of a tap that are used, V of them, in the order of the feature file.
struct LoadedTokens {
  std::vector<std::size_t> row;        // of the feature file
  std::vector<std::size_t> scene_row;  // of the scene file
  std::vector<std::int64_t> id;
  std::vector<Pose> pose;  // axis-aligned camera to world, or another frame's
  std::int64_t grid_h = 0, grid_w = 0, channels = 0;
  std::vector<float> features;  // (V, gh, gw, C)
  std::vector<float> world;     // (V, gh, gw, 3) m
  std::vector<float> valid;     // (V, gh, gw)

  SceneTokens tokens() const;
};

// Frames are matched by id. Throws InputError: a frame that the scene file lacks, poses of the two
// files that are of different scans, colour frames of unknown size, depth that cannot be used.
LoadedTokens load_tokens(const FeatureReader& features, std::size_t tap, const SceneReader& scene,
                         const GeometryRule& rule, int threads);

// Frame v of `loaded` as a picture of the Probe3D protocol. The arrays live in `depth` and
// `loaded`.
ProbeImage probe_image(const LoadedTokens& loaded, std::size_t v, const FeatureReader& features,
                       std::size_t tap, const SceneReader& scene, std::vector<float>& depth);

}  // namespace vega::evaluate
