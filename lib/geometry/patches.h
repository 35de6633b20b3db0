// Points to patches of the 378x378 pixels that SigLIP sees (the first of 384x384): averages, other
// ways to stand for a patch, voxels, and pixels inside boxes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "geometry/points.h"

namespace vega {

inline constexpr int kSeenSide = 378;
inline constexpr int kPatch27 = 27;  // pixels: 14 x 14 patches, one a token
inline constexpr int kPatch14 = 14;  // pixels: 27 x 27 patches, one a SigLIP patch

// What stands for a 27-pixel patch (world_position_embedding_type).
enum class PointStrategy {
  kAvg,      // the mean
  kSample1,  // the pixel at (13, 13)
  kSample5,  // every second of the nine below: corners and centre
  kSample9,  // offsets 4, 13, 22 in rows and columns, row-major
  kMinMax    // component-wise smallest, then largest
};
PointStrategy point_strategy_from_name(std::string_view name);  // avg, sample1, ...; UsageError
int point_count(PointStrategy strategy);                        // 1, 1, 5, 9, 2

struct PatchPoints {
  int grid = 0, points = 1;  // patches a side, points a patch
  std::vector<float> xyz;    // (grid, grid, points, 3), metres; of kBf16 all are bfloat16 numbers
  std::vector<float> valid;  // (grid, grid): share of the patch's pixels with depth
};

// Mean of each patch of `cell` x `cell` pixels (27 or 14) of a 384x384 map (larger maps: the first
// 378x378).
//   kBf16: each point rounded to bfloat16, float32 sum in row-major order, divided, rounded once
//   kF32:  sum in double, divided, rounded to float32
// kMask averages the pixels with depth; without any: NaN. Throws InputError: a smaller map, a cell
// that does not divide 378. Source: VEGA-3D, llava_arch.py.
PatchPoints average_patches(const PointMap& map, int cell, GeometryType type, ZeroDepth zero);

// The 14x14 patches by any strategy; pixels without depth are NaN under kMask (kMinMax leaves them
// out). Source: VEGA-3D, llava_arch.py.
PatchPoints patch_points(const PointMap& map, PointStrategy strategy, GeometryType type,
                         ZeroDepth zero);

// Which room is cut into which voxels, m. The defaults are the release's: 301 x 301 x 101.
struct VoxelGrid {
  float size = 0.1F;
  std::array<float, 3> low = {-15, -15, -5}, high = {15, 15, 5};

  bool operator==(const VoxelGrid&) const = default;
};

// Voxel indices: clamp to low .. high, minus low, / size, rounded half to even. kBf16 rounds every
// step to bfloat16. xyz (n, 3); NaN stays NaN. Source: VEGA-3D, llava_arch.py.
std::vector<float> discretise(std::span<const float> xyz, GeometryType type,
                              const VoxelGrid& grid = {});

// Discretised coordinates as 16-bit triples (n, 3); NaN gives -1.
std::vector<std::int16_t> voxel_triples(std::span<const float> discrete);

// Pixels of each patch inside each box, [lo, hi] on all axes, lo = c - e/2, hi = c + e/2.
//   kBf16: boxes and points rounded to bfloat16, lo and hi too;  kF32: float32
// kMask: pixels without depth are in no box. Returns (N, grid, grid) of N boxes; at most cell *
// cell, so 196 of a 14-pixel patch. Throws InputError as average_patches. Source:
// VEGA-3D, llava_arch.py.
std::vector<std::uint16_t> box_counts(const PointMap& map, std::span<const Box> boxes, int cell,
                                      GeometryType type, ZeroDepth zero);

// A patch belongs to an object from so many pixels on.
inline constexpr int kObjectPixels14 = 98;   // of 196: int(14 * 14 * 0.5)
inline constexpr int kObjectPixels27 = 182;  // of 729: int(27 * 27 * 0.25)

}  // namespace vega
