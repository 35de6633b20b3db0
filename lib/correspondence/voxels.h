// Tokens sorted into voxels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "correspondence/tokens.h"

namespace vega {

// Rows of a TokenRows, grouped by voxel; within a voxel by view, then by cell.
struct VoxelGroups {
  std::vector<std::int64_t> rows;                  // every row once
  std::vector<std::int64_t> first;                 // (voxels + 1) into `rows`
  std::vector<std::array<std::int32_t, 3>> index;  // (voxels): x, y, z from the origin
  std::array<float, 3> origin = {};                // m: the least of each coordinate

  std::int64_t count() const { return static_cast<std::int64_t>(first.size()) - 1; }
};

// voxel = floor((p - origin) / voxel_m) in float32, origin = componentwise least over the rows
// [begin, end) that are grouped; voxels in ascending order of (x, y, z).
// Throws InputError: voxel_m not positive, or a scene of 2^20 voxels and more along an axis.
// Source: VEGA-3D, scripts/visualization.
VoxelGroups group_by_voxel(const TokenRows& rows, std::int64_t begin, std::int64_t end,
                           double voxel_m);

}  // namespace vega
