#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/dtype.h"
#include "base/error.h"
#include "geometry/patches.h"

namespace vega {
namespace {

float rounded(float value, GeometryType type) {
  return type == GeometryType::kBf16 ? f32_from_bf16(bf16_from_f32(value)) : value;
}

struct Bounds {
  float lo[3], hi[3];
};

Bounds bounds_of(const Box6& box, GeometryType type) {
  Bounds out{};
  for (int k = 0; k < 3; ++k) {
    const float centre = rounded(box[k], type);
    const float half = rounded(rounded(box[3 + k], type) / 2, type);
    out.lo[k] = rounded(centre - half, type);
    out.hi[k] = rounded(centre + half, type);
  }
  return out;
}

// The points of one patch, without those that no box may count, and the box around them.
struct Patch {
  std::vector<float> xyz;
  Bounds around{};
};

void gather(const PointMap& map, int cell, int row, int column, GeometryType type, ZeroDepth zero,
            Patch& patch) {
  patch.xyz.clear();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (int k = 0; k < 3; ++k) {
    patch.around.lo[k] = kInfinity;
    patch.around.hi[k] = -kInfinity;
  }
  for (int y = row * cell; y < (row + 1) * cell; ++y) {
    for (int x = column * cell; x < (column + 1) * cell; ++x) {
      const auto p = static_cast<std::size_t>(y) * static_cast<std::size_t>(map.width) +
                     static_cast<std::size_t>(x);
      if (zero == ZeroDepth::kMask && map.valid[p] == 0) continue;
      for (int k = 0; k < 3; ++k) {
        const float value = rounded(map.xyz[3 * p + k], type);
        patch.xyz.push_back(value);
        patch.around.lo[k] = std::min(patch.around.lo[k], value);
        patch.around.hi[k] = std::max(patch.around.hi[k], value);
      }
    }
  }
}

std::uint16_t count_inside(const Patch& patch, const Bounds& box) {
  bool all = true;
  for (int k = 0; k < 3; ++k) {
    if (patch.around.hi[k] < box.lo[k] || patch.around.lo[k] > box.hi[k]) return 0;
    all = all && patch.around.lo[k] >= box.lo[k] && patch.around.hi[k] <= box.hi[k];
  }
  if (all) return static_cast<std::uint16_t>(patch.xyz.size() / 3);
  unsigned count = 0;
  for (std::size_t i = 0; i < patch.xyz.size(); i += 3) {
    unsigned inside = 1;
    for (std::size_t k = 0; k < 3; ++k)
      inside &= static_cast<unsigned>(box.lo[k] <= patch.xyz[i + k]) &
                static_cast<unsigned>(patch.xyz[i + k] <= box.hi[k]);
    count += inside;
  }
  return static_cast<std::uint16_t>(count);
}

}  // namespace

std::vector<std::uint16_t> box_counts(const PointMap& map, std::span<const Box6> boxes, int cell,
                                      GeometryType type, ZeroDepth zero) {
  if (map.width < kSeenSide || map.height < kSeenSide || cell < 1 || kSeenSide % cell != 0)
    throw InputError(explain("box counts",
                             "a map of " + to_string(ImageSize{map.width, map.height}) +
                                 " with cells of " + std::to_string(cell) + " pixels",
                             "at least 378x378, cells of 27 or 14"));
  std::vector<Bounds> bounds;
  for (const Box6& box : boxes) bounds.push_back(bounds_of(box, type));
  const int grid = kSeenSide / cell;
  const auto patches = static_cast<std::size_t>(grid) * static_cast<std::size_t>(grid);
  std::vector<std::uint16_t> counts(boxes.size() * patches);
  Patch patch;
  for (int row = 0; row < grid; ++row) {
    for (int column = 0; column < grid; ++column) {
      gather(map, cell, row, column, type, zero, patch);
      const auto at = static_cast<std::size_t>(row * grid + column);
      for (std::size_t n = 0; n < bounds.size(); ++n)
        counts[n * patches + at] = count_inside(patch, bounds[n]);
    }
  }
  return counts;
}

}  // namespace vega
