#include "probe/targets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/quantile.h"
#include "geometry/points.h"
#include "probe/plane.h"

namespace vega {
namespace {

constexpr float kLeftOut = std::numeric_limits<float>::quiet_NaN();

// Lower and upper corner of a box with its margin.
struct Range3 {
  std::array<float, 3> low{}, high{};
  std::int32_t name = -1;

  bool holds(const float* p) const {
    return p[0] >= low[0] && p[0] <= high[0] && p[1] >= low[1] && p[1] <= high[1] &&
           p[2] >= low[2] && p[2] <= high[2];
  }
};

std::vector<Range3> ranges_of(std::span<const LabelledBox> boxes, double margin) {
  std::vector<Range3> out;
  for (const LabelledBox& one : boxes) {
    Range3 range;
    range.name = one.name;
    for (std::size_t k = 0; k < 3; ++k) {
      const double half = 0.5 * one.box[3 + k] + margin;
      range.low[k] = static_cast<float>(one.box[k] - half);
      range.high[k] = static_cast<float>(one.box[k] + half);
    }
    out.push_back(range);
  }
  return out;
}

// Every k-th row and column of a depth map, so that a cell keeps `pixels` of them.
DepthPixels pixels_of(ImageSize depth, ImageSize color, const Affine& cell_to_px, int pixels) {
  const double area = std::abs(cell_to_px[0] * cell_to_px[4] - cell_to_px[1] * cell_to_px[3]) *
                      depth.width / color.width * depth.height / color.height;
  const int step = std::max(1, static_cast<int>(std::sqrt(area / pixels)));
  DepthPixels out;
  for (int u = step / 2; u < depth.width; u += step) out.column.push_back(u);
  for (int v = step / 2; v < depth.height; v += step) out.row.push_back(v);
  return out;
}

// The sums over the pixels of a cell.
struct CellPixels {
  std::int64_t pixels = 0;  // with and without depth
  double z_sum = 0;         // world
  std::array<double, 3> first{};
  PointSums points;  // camera frame, minus the first one
  std::vector<std::pair<std::int32_t, std::int64_t>> names;

  void add(const std::array<double, 3>& camera, float world_z, std::int32_t name) {
    if (points.count == 0) first = camera;
    points.add(camera[0] - first[0], camera[1] - first[1], camera[2] - first[2]);
    z_sum += world_z;
    if (name < 0) return;
    const auto at = std::find_if(names.begin(), names.end(),
                                 [name](const auto& one) { return one.first == name; });
    if (at == names.end())
      names.emplace_back(name, 1);
    else
      ++at->second;
  }
  std::array<double, 3> mean() const {
    std::array<double, 3> out = first;
    for (std::size_t k = 0; k < 3; ++k) out[k] += points.sum[k] / double(points.count);
    return out;
  }
  // The class with most pixels; of equal ones the smaller number.
  std::int32_t label(double least_share) const {
    std::int32_t best = -1;
    std::int64_t most = 0;
    for (const auto& [name, count] : names)
      if (count > most || (count == most && name < best)) best = name, most = count;
    return double(most) >= least_share * double(points.count) ? best : -1;
  }
};

// Towards the camera, which is at the origin.
std::array<float, 3> facing_normal(const CellPixels& cell, double thickest) {
  const FittedPlane plane = fit_plane(cell.points);
  if (plane.thickness >= thickest) return {0, 0, 0};
  const auto mean = cell.mean();
  double towards = 0;
  for (std::size_t k = 0; k < 3; ++k) towards -= plane.normal[k] * mean[k];
  const double sign = towards < 0 ? -1 : 1;
  return {static_cast<float>(sign * plane.normal[0]), static_cast<float>(sign * plane.normal[1]),
          static_cast<float>(sign * plane.normal[2])};
}

std::vector<CellPixels> gather_pixels(const ImageU16& depth, const Intrinsics& K, const Pose& pose,
                                      const Affine& cell_to_px, ImageSize color, Grid grid,
                                      const std::vector<Range3>& boxes, int wanted) {
  const Affine px_to_cell = inverse(cell_to_px, "cell_to_px");
  const DepthPixels chosen = pixels_of(depth.size(), color, cell_to_px, wanted);
  const PointMap map = unproject(depth, K, pose, chosen);
  std::vector<CellPixels> cells(static_cast<std::size_t>(grid.cells()));
  std::size_t last = 0;  // the box of the last pixel
  for (std::size_t y = 0; y < chosen.row.size(); ++y) {
    const double row = chosen.row[y], v = (row + 0.5) * color.height / depth.height - 0.5;
    for (std::size_t x = 0; x < chosen.column.size(); ++x) {
      const double column = chosen.column[x];
      const double u = (column + 0.5) * color.width / depth.width - 0.5;
      const Point2 at = apply(px_to_cell, u, v);
      const auto number = grid.cell_at(at.x, at.y);
      if (number < 0) continue;
      CellPixels& cell = cells[static_cast<std::size_t>(number)];
      ++cell.pixels;
      const std::size_t pixel = y * chosen.column.size() + x;
      if (map.valid[pixel] == 0) continue;
      const float* world = map.xyz.data() + 3 * pixel;
      // A box before the last pixel's may hold this one; none behind it needs a look if that does.
      const std::size_t end = last < boxes.size() && boxes[last].holds(world) ? last : boxes.size();
      std::size_t box = 0;
      while (box < end && !boxes[box].holds(world)) ++box;
      last = box;
      const double z =
          depth.v[static_cast<std::size_t>(chosen.row[y]) * depth.width + chosen.column[x]] / 1e3;
      cell.add({(column - K[2]) * z / K[0], (row - K[5]) * z / K[4], z}, world[2],
               box < boxes.size() ? boxes[box].name : -1);
    }
  }
  return cells;
}

}  // namespace

std::vector<LabelledBox> smallest_first(std::vector<LabelledBox> boxes) {
  const auto volume = [](const LabelledBox& one) {
    return double(one.box[3]) * one.box[4] * one.box[5];
  };
  std::stable_sort(boxes.begin(), boxes.end(), [&](const LabelledBox& a, const LabelledBox& b) {
    return volume(a) < volume(b);
  });
  return boxes;
}

CellTargets cell_targets(const ImageU16& depth, const Intrinsics& K, const Pose& pose,
                         const Affine& cell_to_px, ImageSize color, Grid grid,
                         std::span<const LabelledBox> boxes, const CellRule& rule) {
  if (grid.empty())
    throw InputError(explain("cells",
                             std::to_string(grid.columns) + "x" + std::to_string(grid.rows),
                             "a grid with cells"));
  if (color.empty())
    throw InputError(explain("cells", "a colour frame of " + to_string(color), "its size"));
  const auto cells = gather_pixels(depth, K, pose, cell_to_px, color, grid,
                                   ranges_of(boxes, rule.margin_m), rule.pixels);
  CellTargets out;
  for (const CellPixels& cell : cells) {
    const auto points = static_cast<double>(cell.points.count);
    const bool used =
        cell.points.count > 0 && points >= rule.least_depth * static_cast<double>(cell.pixels);
    out.depth_m.push_back(used ? static_cast<float>(cell.mean()[2]) : kLeftOut);
    out.z_m.push_back(used ? static_cast<float>(cell.z_sum / points) : kLeftOut);
    const auto normal = used ? facing_normal(cell, rule.thickest) : std::array<float, 3>{};
    out.normal.insert(out.normal.end(), normal.begin(), normal.end());
    out.label.push_back(used ? cell.label(rule.least_share) : -1);
  }
  return out;
}

FloorLevel floor_level(std::span<const float> z_m, std::span<const std::int32_t> label,
                       std::int32_t floor) {
  constexpr std::size_t kLeastCells = 10;
  std::vector<float> of_floor;
  for (std::size_t i = 0; i < z_m.size(); ++i)
    if (floor >= 0 && label[i] == floor && std::isfinite(z_m[i])) of_floor.push_back(z_m[i]);
  if (of_floor.size() >= kLeastCells) return {quantile(of_floor, 0.5), true};
  const double low = quantile(z_m, 0.01);
  if (!std::isfinite(low))
    throw InputError(explain("floor", "no cell with depth", "depth in the cells of the features"));
  return {low, false};
}

}  // namespace vega
