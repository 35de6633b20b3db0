#include "geometry/patches.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/dtype.h"
#include "base/error.h"
#include "geometry/pixel_clones.h"

namespace vega {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float bf16(float value) { return f32_from_bf16(bf16_from_f32(value)); }
float rounded(float value, GeometryType type) {
  return type == GeometryType::kBf16 ? bf16(value) : value;
}

int patches_a_side(const PointMap& map, int cell) {
  if (map.width < kSeenSide || map.height < kSeenSide)
    throw InputError(explain("patches", "a map of " + to_string(ImageSize{map.width, map.height}),
                             "at least 378x378"));
  if (cell < 1 || kSeenSide % cell != 0)
    throw InputError(
        explain("patches", "cells of " + std::to_string(cell) + " pixels", "27 or 14"));
  return kSeenSide / cell;
}

// Place of pixel (x, y) of a patch.
std::size_t pixel_of(const PointMap& map, int cell, int row, int column, int y, int x) {
  return static_cast<std::size_t>(row * cell + y) * static_cast<std::size_t>(map.width) +
         static_cast<std::size_t>(column * cell + x);
}

// Calls use(pixel) for the pixels of a patch in row-major order.
template <typename Use>
void over_patch(const PointMap& map, int cell, int row, int column, Use use) {
  for (int y = 0; y < cell; ++y) {
    const std::size_t first = pixel_of(map, cell, row, column, y, 0);
    for (int x = 0; x < cell; ++x) use(first + static_cast<std::size_t>(x));
  }
}

int count_valid(const PointMap& map, int cell, int row, int column) {
  int count = 0;
  over_patch(map, cell, row, column, [&](std::size_t p) { count += map.valid[p]; });
  return count;
}

void average(const PointMap& map, int cell, int row, int column, GeometryType type, ZeroDepth zero,
             float* out) {
  const bool all = zero == ZeroDepth::kKeep;
  int count = 0;
  float low[3] = {0, 0, 0};
  double high[3] = {0, 0, 0};
  over_patch(map, cell, row, column, [&](std::size_t p) {
    if (!all && map.valid[p] == 0) return;
    ++count;
    for (int k = 0; k < 3; ++k) {
      if (type == GeometryType::kBf16)
        low[k] += bf16(map.xyz[3 * p + k]);
      else
        high[k] += map.xyz[3 * p + k];
    }
  });
  for (int k = 0; k < 3; ++k) {
    if (count == 0)
      out[k] = kNan;
    else if (type == GeometryType::kBf16)
      out[k] = bf16(low[k] / static_cast<float>(count));
    else
      out[k] = static_cast<float>(high[k] / count);
  }
}

// Component-wise smallest and largest of a patch: 6 numbers.
void extremes(const PointMap& map, int row, int column, GeometryType type, ZeroDepth zero,
              float* out) {
  std::fill(out, out + 6, kNan);
  over_patch(map, kPatch27, row, column, [&](std::size_t p) {
    if (zero == ZeroDepth::kMask && map.valid[p] == 0) return;
    for (int k = 0; k < 3; ++k) {
      const float value = rounded(map.xyz[3 * p + k], type);
      out[k] = std::fmin(out[k], value);
      out[3 + k] = std::fmax(out[3 + k], value);
    }
  });
}

struct Bounds {
  float lo[3], hi[3];
};

Bounds bounds_of(const Box& box, GeometryType type) {
  Bounds out{};
  for (int k = 0; k < 3; ++k) {
    const float centre = rounded(box[k], type);
    const float half = rounded(rounded(box[3 + k], type) / 2, type);
    out.lo[k] = rounded(centre - half, type);
    out.hi[k] = rounded(centre + half, type);
  }
  return out;
}

// The points of one patch that boxes may count, and the bounds of all of them.
struct BoundedPoints {
  std::vector<float> axis[3];
  Bounds around{};

  std::size_t size() const { return axis[0].size(); }
};

void collect_points(const PointMap& map, int cell, int row, int column, GeometryType type,
                    ZeroDepth zero, BoundedPoints& out) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (std::size_t k = 0; k < 3; ++k) {
    std::vector<float>& values = out.axis[k];
    values.clear();
    over_patch(map, cell, row, column, [&](std::size_t p) {
      if (zero == ZeroDepth::kKeep || map.valid[p] != 0) values.push_back(map.xyz[3 * p + k]);
    });
    float low = kInfinity, high = -kInfinity;
    for (float& value : values) {
      value = rounded(value, type);
      low = std::min(low, value);
      high = std::max(high, value);
    }
    out.around.lo[k] = low, out.around.hi[k] = high;
  }
}

VEGA_PIXEL_CLONES unsigned count_between(const float* x, const float* y, const float* z,
                                         std::size_t count, const Bounds& box) {
  unsigned inside = 0;
  for (std::size_t i = 0; i < count; ++i)
    inside += static_cast<unsigned>(box.lo[0] <= x[i]) & static_cast<unsigned>(x[i] <= box.hi[0]) &
              static_cast<unsigned>(box.lo[1] <= y[i]) & static_cast<unsigned>(y[i] <= box.hi[1]) &
              static_cast<unsigned>(box.lo[2] <= z[i]) & static_cast<unsigned>(z[i] <= box.hi[2]);
  return inside;
}

std::uint16_t count_inside(const BoundedPoints& points, const Bounds& box) {
  bool all = true;
  for (int k = 0; k < 3; ++k) {
    if (points.around.hi[k] < box.lo[k] || points.around.lo[k] > box.hi[k]) return 0;
    all = all && points.around.lo[k] >= box.lo[k] && points.around.hi[k] <= box.hi[k];
  }
  if (all) return static_cast<std::uint16_t>(points.size());
  return static_cast<std::uint16_t>(count_between(points.axis[0].data(), points.axis[1].data(),
                                                  points.axis[2].data(), points.size(), box));
}

// The nine sampled pixels in row-major order; of these the strategy takes some.
std::vector<int> samples_of(PointStrategy strategy) {
  if (strategy == PointStrategy::kSample1) return {4};
  if (strategy == PointStrategy::kSample5) return {0, 2, 4, 6, 8};
  return {0, 1, 2, 3, 4, 5, 6, 7, 8};
}

}  // namespace

PointStrategy point_strategy_from_name(std::string_view name) {
  if (name == "avg") return PointStrategy::kAvg;
  if (name == "sample1") return PointStrategy::kSample1;
  if (name == "sample5") return PointStrategy::kSample5;
  if (name == "sample9") return PointStrategy::kSample9;
  if (name == "minmax") return PointStrategy::kMinMax;
  throw UsageError(explain("point strategy", "'" + std::string(name) + "'",
                           "avg, sample1, sample5, sample9 or minmax"));
}

int point_count(PointStrategy strategy) {
  switch (strategy) {
    case PointStrategy::kSample5: return 5;
    case PointStrategy::kSample9: return 9;
    case PointStrategy::kMinMax: return 2;
    default: return 1;
  }
}

PatchPoints average_patches(const PointMap& map, int cell, GeometryType type, ZeroDepth zero) {
  PatchPoints out;
  out.grid = patches_a_side(map, cell);
  const auto patches = static_cast<std::size_t>(out.grid) * static_cast<std::size_t>(out.grid);
  out.xyz.resize(3 * patches);
  out.valid.resize(patches);
  std::size_t at = 0;
  for (int row = 0; row < out.grid; ++row) {
    for (int column = 0; column < out.grid; ++column, ++at) {
      average(map, cell, row, column, type, zero, &out.xyz[3 * at]);
      out.valid[at] =
          static_cast<float>(count_valid(map, cell, row, column)) / static_cast<float>(cell * cell);
    }
  }
  return out;
}

PatchPoints patch_points(const PointMap& map, PointStrategy strategy, GeometryType type,
                         ZeroDepth zero) {
  PatchPoints out = average_patches(map, kPatch27, type, zero);
  if (strategy == PointStrategy::kAvg) return out;
  out.points = point_count(strategy);
  const auto points = static_cast<std::size_t>(out.points);
  out.xyz.assign(out.valid.size() * points * 3, kNan);
  const auto samples = samples_of(strategy);
  for (std::size_t at = 0; at < out.valid.size(); ++at) {
    const int row = static_cast<int>(at) / out.grid, column = static_cast<int>(at) % out.grid;
    float* xyz = &out.xyz[3 * points * at];
    if (strategy == PointStrategy::kMinMax) {
      extremes(map, row, column, type, zero, xyz);
      continue;
    }
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const int y = 4 + 9 * (samples[i] / 3), x = 4 + 9 * (samples[i] % 3);
      const std::size_t p = pixel_of(map, kPatch27, row, column, y, x);
      if (zero == ZeroDepth::kMask && map.valid[p] == 0) continue;
      for (std::size_t k = 0; k < 3; ++k) xyz[3 * i + k] = rounded(map.xyz[3 * p + k], type);
    }
  }
  return out;
}

std::vector<float> discretise(std::span<const float> xyz, GeometryType type,
                              const VoxelGrid& grid) {
  std::vector<float> out(xyz.size());
  for (std::size_t i = 0; i < xyz.size(); ++i) {
    const float low = grid.low[i % 3], high = grid.high[i % 3];
    const float value = rounded(xyz[i], type);
    if (std::isnan(value)) {
      out[i] = kNan;
      continue;
    }
    const float above = rounded(std::clamp(value, low, high) - low, type);
    // The default rounding mode is to nearest, ties to even; whole numbers up to 256 are bfloat16
    // numbers, and above that the quotient is an even one already.
    out[i] = std::nearbyint(rounded(above / grid.size, type));
  }
  return out;
}

std::vector<std::int16_t> voxel_triples(std::span<const float> discrete) {
  std::vector<std::int16_t> out(discrete.size());
  for (std::size_t i = 0; i < discrete.size(); ++i)
    out[i] = std::isnan(discrete[i]) ? std::int16_t{-1} : static_cast<std::int16_t>(discrete[i]);
  return out;
}

std::vector<std::uint16_t> box_counts(const PointMap& map, std::span<const Box> boxes, int cell,
                                      GeometryType type, ZeroDepth zero) {
  const int grid = patches_a_side(map, cell);
  std::vector<Bounds> bounds;
  for (const Box& box : boxes) bounds.push_back(bounds_of(box, type));
  const auto patches = static_cast<std::size_t>(grid) * static_cast<std::size_t>(grid);
  std::vector<std::uint16_t> counts(boxes.size() * patches);
  BoundedPoints points;
  for (std::size_t at = 0; at < patches; ++at) {
    collect_points(map, cell, static_cast<int>(at) / grid, static_cast<int>(at) % grid, type, zero,
                   points);
    for (std::size_t n = 0; n < bounds.size(); ++n)
      counts[n * patches + at] = count_inside(points, bounds[n]);
  }
  return counts;
}

}  // namespace vega
