#include "correspondence/probe_points.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "correspondence/loops.h"

namespace vega {
namespace {

constexpr std::int64_t kShrink = 4;
constexpr std::size_t kPointsAtOnce = 256;

[[noreturn]] void throw_picture(const std::string& got, const std::string& expected) {
  throw InputError(explain("correspondence: picture", got, expected));
}

template <std::size_t N>
bool finite(const std::array<double, N>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

void check(const ProbeImage& image) {
  const auto sized = [](std::size_t got, std::int64_t a, std::int64_t b, std::int64_t c) {
    return a >= 0 && b >= 0 && c >= 0 && got == static_cast<std::size_t>(a * b * c);
  };
  if (!sized(image.depth_m.size(), image.height, image.width, 1)) {
    throw_picture(std::to_string(image.depth_m.size()) + " depths",
                  std::to_string(image.height) + " x " + std::to_string(image.width));
  }
  if (image.grid_h < 1 || image.grid_w < 1 || image.channels < 1 ||
      !sized(image.features.size(), image.grid_h, image.grid_w, image.channels)) {
    throw_picture(std::to_string(image.features.size()) + " features",
                  std::to_string(image.grid_h) + " x " + std::to_string(image.grid_w) + " x " +
                      std::to_string(image.channels));
  }
  if (!finite(image.K) || image.K[0] == 0 || image.K[4] == 0) {
    throw_picture("intrinsics that are not finite or have no focal length",
                  "3x3 of the working picture");
  }
  if (!finite(image.world_from_cam))
    throw_picture("a pose that is not finite", "4x4, camera to world");
  if (!finite(image.cell_from_pixel)) throw_picture("an unknown view", "pixels to cells");
}

// The sample at (column, row), as it comes.
void sample(const ProbeImage& image, double column, double row, float* out) {
  const auto clamp = [](double x, std::int64_t n) {
    return std::clamp(x, 0.0, static_cast<double>(n - 1));
  };
  const double x = clamp(column, image.grid_w), y = clamp(row, image.grid_h);
  const auto x0 = static_cast<std::int64_t>(x), y0 = static_cast<std::int64_t>(y);
  const auto fx = static_cast<float>(x - static_cast<double>(x0));
  const auto fy = static_cast<float>(y - static_cast<double>(y0));
  // On a cell's centre the next cell has no part: it may hold a NaN.
  const std::int64_t x1 = fx > 0 ? std::min(x0 + 1, image.grid_w - 1) : x0;
  const std::int64_t y1 = fy > 0 ? std::min(y0 + 1, image.grid_h - 1) : y0;
  const auto at = [&](std::int64_t r, std::int64_t c) {
    return image.features.data() + (r * image.grid_w + c) * image.channels;
  };
  const float *a = at(y0, x0), *b = at(y0, x1), *c = at(y1, x0), *d = at(y1, x1);
  for (std::int64_t k = 0; k < image.channels; ++k) {
    out[k] = (1 - fy) * ((1 - fx) * a[k] + fx * b[k]) + fy * ((1 - fx) * c[k] + fx * d[k]);
  }
}

Point2 cell_of(const ProbeImage& image, std::int32_t pixel) {
  return apply(image.cell_from_pixel, static_cast<double>(pixel % image.width) + 0.5,
               static_cast<double>(pixel / image.width) + 0.5);
}

// Keeps `most` of the pixels: those with the smallest random words.
void thin(std::vector<std::int32_t>& pixels, std::int64_t most, std::uint64_t seed) {
  if (most <= 0 || static_cast<std::int64_t>(pixels.size()) <= most) return;
  std::vector<std::pair<std::uint64_t, std::int32_t>> drawn;
  for (const std::int32_t pixel : pixels) {
    const auto words = philox4x32({static_cast<std::uint32_t>(pixel), 0, 0, 0},
                                  philox_key(seed ^ fnv1a64("probe points")));
    drawn.emplace_back(std::uint64_t{words[0]} << 32 | words[1], pixel);
  }
  std::nth_element(drawn.begin(), drawn.begin() + most, drawn.end());
  pixels.clear();
  for (std::int64_t i = 0; i < most; ++i) pixels.push_back(drawn[std::size_t(i)].second);
  std::sort(pixels.begin(), pixels.end());
}

}  // namespace

std::vector<float> working_depth(std::span<const std::uint16_t> depth_mm, std::int64_t height,
                                 std::int64_t width) {
  if (height < 0 || width < 0 || depth_mm.size() != static_cast<std::size_t>(height * width)) {
    throw_picture(std::to_string(depth_mm.size()) + " depths",
                  std::to_string(height) + " x " + std::to_string(width));
  }
  std::vector<float> out;
  for (std::int64_t v = 0; v < height / kShrink; ++v) {
    for (std::int64_t u = 0; u < width / kShrink; ++u) {
      out.push_back(static_cast<float>(depth_mm[std::size_t(v * kShrink * width + u * kShrink)]) /
                    1000.0F);
    }
  }
  return out;
}

Intrinsics working_intrinsics(const Intrinsics& K) {
  Intrinsics out = K;
  for (std::size_t i = 0; i < 6; ++i) out[i] /= double(kShrink);
  return out;
}

Affine cell_from_working(const Affine& cell_to_px, ImageSize color, std::int64_t height,
                         std::int64_t width) {
  if (color.empty() || height < 1 || width < 1)
    throw_picture("a view of unknown size", "positive sizes");
  const double sx = color.width / static_cast<double>(width);
  const double sy = color.height / static_cast<double>(height);
  // Continuous coordinates of the working picture to pixels of the colour frame, then to cells.
  return compose(inverse(cell_to_px, "cell_to_px"), {sx, 0, -0.5, 0, sy, -0.5});
}

ProbePoints probe_points(const ProbeImage& image, std::int64_t max_points, std::uint64_t seed,
                         int threads) {
  check(image);
  ProbePoints out{image.channels, image.height, image.width};
  out.K = image.K;
  out.world_from_cam = image.world_from_cam;
  std::vector<std::int32_t> pixels;
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(image.depth_m.size()); ++i) {
    const float z = image.depth_m[std::size_t(i)];
    if (!(z > 0) || !std::isfinite(z)) continue;
    const auto [column, row] = cell_of(image, i);
    if (column >= -0.5 && row >= -0.5 && column <= static_cast<double>(image.grid_w) - 0.5 &&
        row <= static_cast<double>(image.grid_h) - 0.5) {
      pixels.push_back(i);
    } else {
      ++out.outside;
    }
  }
  thin(pixels, max_points, seed);
  std::vector<float> unit(pixels.size() * static_cast<std::size_t>(image.channels));
  std::vector<std::uint8_t> good(pixels.size());
  parallel_for((pixels.size() + kPointsAtOnce - 1) / kPointsAtOnce, threads, [&](std::size_t k) {
    for (std::size_t i = k * kPointsAtOnce; i < std::min(pixels.size(), (k + 1) * kPointsAtOnce);
         ++i) {
      float* x = unit.data() + static_cast<std::int64_t>(i) * image.channels;
      const auto [column, row] = cell_of(image, pixels[i]);
      sample(image, column, row, x);
      good[i] = correspondence::all_finite(x, image.channels);
      const double norm = std::sqrt(correspondence::square_sum(x, image.channels));
      correspondence::scale(x, 1 / std::max(norm, correspondence::kLeastNorm), image.channels);
    }
  });
  out.unit.reserve(unit.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    if (!good[i]) {
      ++out.not_finite;
      continue;
    }
    const double z = image.depth_m[std::size_t(pixels[i])];
    const double u = static_cast<double>(pixels[i] % image.width) + 0.5;
    const double v = static_cast<double>(pixels[i] / image.width) + 0.5;
    const double y = (v - image.K[5]) / image.K[4];
    const double x = (u - image.K[2] - image.K[1] * y) / image.K[0];
    out.pixel.push_back(pixels[i]);
    out.camera.insert(out.camera.end(), {x * z, y * z, z});
    const float* row = unit.data() + static_cast<std::int64_t>(i) * image.channels;
    out.unit.insert(out.unit.end(), row, row + image.channels);
  }
  return out;
}

}  // namespace vega
