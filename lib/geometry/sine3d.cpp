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

// Where torch's vectorised float32 power of 10000 (2.11, AVX2 and AVX-512 alike) is not the float32
// next to the true one, of the exponents that 3584 channels with 1, 2, 5 or 9 points have:
// measured, all of them. Up or down: one float32 step.
struct Step {
  float exponent;
  float towards;
};
constexpr float kUp = 20000, kDown = 0;
constexpr Step kTorchPowers[] = {
    {0x1.94cc1ep-4F, kDown}, {0x1.edfd6ep-4F, kDown}, {0x1.427736p-3F, kDown},
    {0x1.f07c2p-3F, kDown},  {0x1.f16ba2p-2F, kUp},   {0x1.1d9684p-1F, kUp},
    {0x1.4e78ecp-1F, kUp},   {0x1.607b8p-1F, kDown},  {0x1.d442e4p-1F, kDown}};

// The one angle of a voxel index in 0..300 at which torch's cosine, a step below the nearest
// float32, rounds to another bfloat16 (voxel 228, channels 993 of 1194 and 497 of 597).
constexpr float kTorchAngle = 0x1.bb9edap-4F, kTorchCosine = 0x1.fdp-1F;

// The exponents are rounded to float32 as in the release.
std::vector<float> periods_of(std::size_t channels) {
  std::vector<float> out(channels);
  for (std::size_t j = 0; j < channels; ++j) {
    const float exponent = static_cast<float>(2 * (j / 2)) / static_cast<float>(channels);
    out[j] = static_cast<float>(std::pow(10000.0, static_cast<double>(exponent)));
    for (const Step& step : kTorchPowers) {
      if (step.exponent == exponent) out[j] = std::nextafter(out[j], step.towards);
    }
  }
  return out;
}

float cosine(float angle) {
  if (angle == kTorchAngle) return kTorchCosine;
  return static_cast<float>(std::cos(static_cast<double>(angle)));
}

float sine(float angle) { return static_cast<float>(std::sin(static_cast<double>(angle))); }

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
    const float angle = c / periods_[j];
    const float value = j % 2 == 0 ? sine(angle) : cosine(angle);
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
