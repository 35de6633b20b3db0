#include "geometry/sine3d.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/dtype.h"
#include "base/error.h"

namespace vega {
namespace {

// The exponents are rounded to float32 as in the release; the power is the float32 next to the true
// one.
std::vector<float> periods_of(std::size_t channels) {
  std::vector<float> out(channels);
  for (std::size_t j = 0; j < channels; ++j) {
    const float exponent = static_cast<float>(2 * (j / 2)) / static_cast<float>(channels);
    out[j] = static_cast<float>(std::pow(10000.0, static_cast<double>(exponent)));
  }
  return out;
}

}  // namespace

Sine3d::Sine3d(std::size_t width, std::size_t points) : width_(width), points_(points) {
  if (points < 1 || width < 3 * points)
    throw InputError(
        explain("sine embedding",
                std::to_string(width) + " channels for " + std::to_string(points) + " points",
                "at least three channels a point"));
  periods_ = periods_of(width / (3 * points));
}

void Sine3d::fill(float c, GeometryType type, float* out) const {
  const bool bf16 = type == GeometryType::kBf16;
  if (bf16) c = f32_from_bf16(bf16_from_f32(c));
  for (std::size_t j = 0; j < periods_.size(); ++j) {
    const double angle = c / periods_[j];
    const auto value = static_cast<float>(j % 2 == 0 ? std::sin(angle) : std::cos(angle));
    out[j] = bf16 ? f32_from_bf16(bf16_from_f32(value)) : value;
  }
}

std::vector<float> Sine3d::embed(std::span<const float> coords, GeometryType type) const {
  if (coords.size() % (3 * points_) != 0)
    throw InputError(explain("sine embedding", std::to_string(coords.size()) + " coordinates",
                             "a multiple of " + std::to_string(3 * points_)));
  const std::size_t tokens = coords.size() / (3 * points_), channels = periods_.size();
  std::vector<float> out(tokens * width_, 0.0F);
  // Voxel indices repeat: a scene has a few hundred distinct ones.
  constexpr std::size_t kMostKept = 1024;
  std::unordered_map<std::uint32_t, const float*> kept;
  for (std::size_t i = 0; i < coords.size(); ++i) {
    const std::size_t token = i / (3 * points_), block = i % (3 * points_);
    float* at = &out[token * width_ + block * channels];
    const auto bits = std::bit_cast<std::uint32_t>(coords[i]);
    if (const auto known = kept.find(bits); known != kept.end()) {
      std::copy_n(known->second, channels, at);
      continue;
    }
    fill(coords[i], type, at);
    if (kept.size() < kMostKept) kept.emplace(bits, at);
  }
  return out;
}

}  // namespace vega
