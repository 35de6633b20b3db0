// Maximum-coverage frame selection: which frames see most of a scene.
// Source: VEGA-3D, max_coverage_sampling.py, video_utils.py.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "geometry/points.h"

namespace vega {

// A voxel of 0.1 m, its three indices (each within 2^20 of 0) packed.
using Voxel = std::uint64_t;

// Voxels of points (n, 3), m: round(x / 0.1) in float32, half to even; ascending, distinct. Points
// that are not finite, or beyond 100 km, have none.
std::vector<Voxel> voxels_of(std::span<const float> xyz);

// Voxels of a depth map's points. kKeep: pixels without depth count as points at the camera's
// centre.
std::vector<Voxel> voxels_of(const PointMap& map, ZeroDepth zero);

struct Coverage {
  std::vector<std::size_t> picks;    // candidates, in the order they were picked
  std::vector<std::int64_t> gained;  // scene voxels that each pick added
  std::int64_t all = 0;              // scene voxels that any candidate sees
  std::int64_t chosen = 0;           // scene voxels that the picks see
};

// Picks at most `count` candidates, each time one that adds most scene voxels. Of k candidates that
// tie, in their order, number floor(k u) is taken, u = (word 0 + 0.5) / 2^32 of Philox4x32-10 keyed
// by the seed at counter (place of the pick, FNV-1a-64("mc") folded to 32 bits, low and high word
// of FNV-1a-64(scene)). (The release draws without a seed.)
// frames: voxels of each candidate; scene: voxels of the mesh; all ascending and distinct.
Coverage max_coverage(std::span<const std::vector<Voxel>> frames, std::span<const Voxel> scene,
                      std::size_t count, std::uint64_t seed, std::string_view scene_key);

// How many picks reach `ratio` of all scene voxels that candidates see (all picks where they never
// do). ratio 1 takes all picks.
std::size_t picks_for_ratio(const Coverage& coverage, double ratio);

// Candidates among n frames: every second one, or all where that leaves fewer than 32.
std::vector<std::size_t> coverage_candidates(std::size_t frames);

}  // namespace vega
