#include "base/philox.h"

#include <cmath>
#include <numbers>

namespace vega {
namespace {

void box_muller(std::uint32_t a, std::uint32_t b, float& cosine, float& sine) {
  const double radius = std::sqrt(-2.0 * std::log(philox_unit(a)));
  const double angle = 2.0 * std::numbers::pi * philox_unit(b);
  cosine = static_cast<float>(radius * std::cos(angle));
  sine = static_cast<float>(radius * std::sin(angle));
}

}  // namespace

void noise_v1(std::uint64_t seed, std::string_view scene, std::int64_t frame_id,
              std::span<float> out) {
  const PhiloxKey key = philox_key(seed);
  const std::uint64_t hash = fnv1a64(scene);
  for (std::size_t block = 0; block * 4 < out.size(); ++block) {
    const auto words =
        philox4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(frame_id),
                    static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(hash >> 32)},
                   key);
    float lane[4];
    box_muller(words[0], words[1], lane[0], lane[1]);
    box_muller(words[2], words[3], lane[2], lane[3]);
    for (std::size_t i = 0; i < 4 && block * 4 + i < out.size(); ++i) out[block * 4 + i] = lane[i];
  }
}

void uniform_tensor(std::uint64_t seed, std::string_view name, double mean, double half,
                    std::int64_t first, std::span<float> out) {
  const PhiloxKey key = philox_key(seed);
  const std::uint64_t hash = fnv1a64(name);
  PhiloxCounter words{};
  std::uint64_t held = ~std::uint64_t{0};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t element = static_cast<std::uint64_t>(first) + i;
    if (element / 4 != held) {
      held = element / 4;
      words = philox4x32({static_cast<std::uint32_t>(held), static_cast<std::uint32_t>(held >> 32),
                          static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(hash >> 32)},
                         key);
    }
    const double t = 2.0 * philox_unit(words[element % 4]) - 1.0;
    out[i] = static_cast<float>(mean + t * half);
  }
}

}  // namespace vega
