#include "geometry/points.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "geometry/pixel_clones.h"

namespace vega {
namespace {

void check_inputs(const ImageU16& depth, const Intrinsics& K, const Pose& P,
                  const DepthPixels& grid) {
  const auto finite = [](double value) { return std::isfinite(value); };
  if (!std::all_of(P.begin(), P.end(), finite))
    throw InputError(explain("unproject", "a pose that is not finite", "16 finite numbers"));
  if (!std::all_of(K.begin(), K.end(), finite) || K[0] == 0 || K[4] == 0)
    throw InputError(explain("unproject", "intrinsics that are not finite, or with fx or fy 0",
                             "a camera matrix in pixels of the depth map"));
  const auto inside = [](const std::vector<int>& index, int extent) {
    return std::all_of(index.begin(), index.end(), [=](int i) { return i >= 0 && i < extent; });
  };
  if (!inside(grid.column, depth.width) || !inside(grid.row, depth.height))
    throw InputError(explain("unproject",
                             "pixels outside a depth map of " + to_string(depth.size()),
                             "pixels of the map"));
}

struct Camera {
  float fx, fy, cx, cy;
  float P[4][4];

  // Whether W is 1 at every pixel of the map: dividing by it changes nothing then.
  bool w_is_one(const DepthPixels& grid) const {
    constexpr float kMostDepth = 65.535F;
    const auto farthest = [](const std::vector<int>& index, float middle, float focal) {
      float most = 0;
      for (const int i : index)
        most = std::max(most, std::abs((static_cast<float>(i) - middle) * kMostDepth / focal));
      return most;
    };
    return P[3][0] == 0 && P[3][1] == 0 && P[3][2] == 0 && P[3][3] == 1 &&
           std::isfinite(farthest(grid.column, cx, fx)) &&
           std::isfinite(farthest(grid.row, cy, fy));
  }
};

// Pixels of a row side by side: depth as the map has it, columns minus cx, and what becomes of
// them.
struct PixelRow {
  std::vector<float> mm, dx, world[4];

  explicit PixelRow(std::size_t width) : mm(width), dx(width) {
    for (auto& values : world) values.resize(width);
  }
};

VEGA_PIXEL_CLONES void to_world(const Camera& c, const float* mm, const float* dx, float dy,
                                std::size_t width, const float* P, float* out) {
  for (std::size_t i = 0; i < width; ++i) {
    const float z = mm[i] / 1000.0F;
    const float x = dx[i] * z / c.fx;
    const float y = dy * z / c.fy;
    float sum = P[0] * x;
    sum = __builtin_fmaf(P[1], y, sum);
    sum = __builtin_fmaf(P[2], z, sum);
    out[i] = sum + P[3];
  }
}

// One row of the map.
void unproject_row(const Camera& c, const std::uint16_t* depth, const std::vector<int>& column,
                   int v, bool w_is_one, PixelRow& row, float* xyz, std::uint8_t* valid) {
  const std::size_t width = column.size();
  for (std::size_t i = 0; i < width; ++i) {
    const std::uint16_t mm = depth[column[i]];
    row.mm[i] = static_cast<float>(mm);
    valid[i] = mm != 0 ? 1 : 0;
  }
  const float dy = static_cast<float>(v) - c.cy;
  for (std::size_t r = 0; r < (w_is_one ? 3U : 4U); ++r)
    to_world(c, row.mm.data(), row.dx.data(), dy, width, c.P[r], row.world[r].data());
  for (std::size_t k = 0; k < 3; ++k) {
    if (!w_is_one)
      for (std::size_t i = 0; i < width; ++i) row.world[k][i] /= row.world[3][i];
    for (std::size_t i = 0; i < width; ++i) xyz[3 * i + k] = row.world[k][i];
  }
}

}  // namespace

std::string_view name_of(GeometryType type) { return name_in<GeometryType>(kGeometryTypes, type); }

GeometryType geometry_type_from_name(std::string_view name) {
  return choice_of<GeometryType>(kGeometryTypes, "--geometry", std::string(name));
}

std::string_view name_of(ZeroDepth zero) { return name_in<ZeroDepth>(kZeroDepths, zero); }

ZeroDepth zero_depth_from_name(std::string_view name) {
  return choice_of<ZeroDepth>(kZeroDepths, "--zero-depth", std::string(name));
}

std::vector<int> nearest_indices(int src, int dst) {
  if (src < 1 || dst < 1)
    throw InputError(explain("nearest resize", std::to_string(src) + " to " + std::to_string(dst),
                             "positive sizes"));
  const double step = 1.0 / (static_cast<double>(dst) / src);
  std::vector<int> out(static_cast<std::size_t>(dst));
  for (int i = 0; i < dst; ++i) out[i] = std::min(static_cast<int>(std::floor(i * step)), src - 1);
  return out;
}

DepthPixels coordinate_grid(ImageSize depth, CoordinateView view, int side) {
  if (depth.width < 1 || depth.height < 1)
    throw InputError(explain("coordinates", "an empty depth map"));
  DepthPixels grid;
  grid.row = nearest_indices(depth.height, side);
  if (view == CoordinateView::kResize) {
    grid.column = nearest_indices(depth.width, side);
    return grid;
  }
  const double scale = static_cast<double>(side) / depth.height;
  const int width = static_cast<int>(depth.width * scale);
  if (width < side)
    throw InputError(explain("view center_crop", "depth of " + to_string(depth),
                             "a depth map at least as wide as high"));
  const auto all = nearest_indices(depth.width, width);
  const auto left = all.begin() + (width - side) / 2;
  grid.column.assign(left, left + side);
  return grid;
}

DepthPixels every_pixel(ImageSize depth) {
  DepthPixels grid;
  for (int u = 0; u < depth.width; ++u) grid.column.push_back(u);
  for (int v = 0; v < depth.height; ++v) grid.row.push_back(v);
  return grid;
}

PointMap unproject(const ImageU16& depth, const Intrinsics& K, const Pose& P,
                   const DepthPixels& grid) {
  check_inputs(depth, K, P, grid);
  Camera camera{static_cast<float>(K[0]),
                static_cast<float>(K[4]),
                static_cast<float>(K[2]),
                static_cast<float>(K[5]),
                {}};
  for (int i = 0; i < 16; ++i) camera.P[i / 4][i % 4] = static_cast<float>(P[i]);
  PointMap map;
  map.width = static_cast<int>(grid.column.size());
  map.height = static_cast<int>(grid.row.size());
  const std::size_t pixels = grid.column.size() * grid.row.size();
  map.xyz.resize(3 * pixels);
  map.valid.resize(pixels);
  PixelRow row(grid.column.size());
  for (std::size_t i = 0; i < grid.column.size(); ++i)
    row.dx[i] = static_cast<float>(grid.column[i]) - camera.cx;
  const bool w_is_one = camera.w_is_one(grid);
  for (std::size_t y = 0; y < grid.row.size(); ++y) {
    const int v = grid.row[y];
    const std::size_t at = y * grid.column.size();
    unproject_row(camera, depth.v.data() + static_cast<std::size_t>(v) * depth.width, grid.column,
                  v, w_is_one, row, map.xyz.data() + 3 * at, map.valid.data() + at);
  }
  return map;
}

}  // namespace vega
