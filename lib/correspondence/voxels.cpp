#include "correspondence/voxels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/error.h"

namespace vega {
namespace {

constexpr int kBits = 20;  // an index of one axis

}  // namespace

VoxelGroups group_by_voxel(const TokenRows& rows, std::int64_t begin, std::int64_t end,
                           double voxel_m) {
  const auto edge = static_cast<float>(voxel_m);
  if (!(edge > 0) || !std::isfinite(edge)) {
    throw InputError(explain("correspondence: voxel size", std::to_string(voxel_m) + " m",
                             "a positive length", "the released score has 0.1"));
  }
  VoxelGroups groups;
  groups.first.assign(1, 0);
  if (begin >= end) return groups;
  groups.origin.fill(std::numeric_limits<float>::infinity());
  for (std::int64_t i = begin; i < end; ++i) {
    for (std::size_t k = 0; k < 3; ++k) {
      groups.origin[k] = std::min(groups.origin[k], rows.world[std::size_t(i) * 3 + k]);
    }
  }
  std::vector<std::pair<std::uint64_t, std::int64_t>> keyed;
  keyed.reserve(static_cast<std::size_t>(end - begin));
  for (std::int64_t i = begin; i < end; ++i) {
    std::uint64_t key = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const float at = std::floor((rows.world[std::size_t(i) * 3 + k] - groups.origin[k]) / edge);
      if (!(at < float(1 << kBits))) {
        throw InputError(
            explain("correspondence: voxels", "a scene that reaches over 2^20 voxels along an axis",
                    "points in metres", "check the poses and depths, or take a larger voxel"));
      }
      key = key << kBits | static_cast<std::uint64_t>(at);
    }
    keyed.emplace_back(key, i);
  }
  std::sort(keyed.begin(), keyed.end());  // rows are in order of view and cell
  constexpr std::uint64_t kMask = (1U << kBits) - 1;
  for (std::size_t i = 0; i < keyed.size(); ++i) {
    const std::uint64_t key = keyed[i].first;
    if (i == 0 || key != keyed[i - 1].first) {
      if (i > 0) groups.first.push_back(static_cast<std::int64_t>(i));
      groups.index.push_back({static_cast<std::int32_t>(key >> (2 * kBits)),
                              static_cast<std::int32_t>(key >> kBits & kMask),
                              static_cast<std::int32_t>(key & kMask)});
    }
    groups.rows.push_back(keyed[i].second);
  }
  groups.first.push_back(static_cast<std::int64_t>(keyed.size()));
  return groups;
}

}  // namespace vega
