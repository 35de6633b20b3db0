// Scenes for the tests: random points in a box, features of a chosen kind.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "correspondence/tokens.h"

namespace vega::test {

struct MadeUp {
  std::int64_t views, h, w, channels;
  std::vector<float> features, world, valid;

  SceneTokens tokens() const { return {views, h, w, channels, features, world, valid}; }
  std::size_t cells() const { return static_cast<std::size_t>(views * h * w); }
};

// Gaussian features; points uniform in a box of `size` metres; every cell valid.
inline MadeUp random_scene(std::int64_t views, std::int64_t h, std::int64_t w,
                           std::int64_t channels, float size, unsigned seed) {
  MadeUp s{views, h, w, channels, {}, {}, {}};
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> place(0.0F, size);
  s.features.resize(s.cells() * static_cast<std::size_t>(channels));
  s.world.resize(s.cells() * 3);
  s.valid.assign(s.cells(), 1.0F);
  for (float& x : s.features) x = normal(engine);
  for (float& x : s.world) x = place(engine) - 1.0F;
  return s;
}

// Some cells without depth, with a share just at 0.1, with NaN points, shares and features, and
// with zero features.
inline void damage(MadeUp& s, unsigned seed) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::mt19937 engine(seed);
  const auto c = static_cast<std::size_t>(s.channels);
  for (std::size_t i = 0; i < s.cells(); ++i) {
    switch (engine() % 17) {
      case 0: s.valid[i] = 0; break;
      case 1: s.valid[i] = 0.1F; break;
      case 2: s.valid[i] = nan; break;
      case 3: s.world[3 * i + engine() % 3] = nan; break;
      case 4: s.features[c * i + engine() % c] = nan; break;
      case 5: s.features[c * i + engine() % c] = std::numeric_limits<float>::infinity(); break;
      case 6: std::fill_n(s.features.begin() + static_cast<std::ptrdiff_t>(c * i), c, 0.0F); break;
      default: break;
    }
  }
}

// One random code a voxel of 0.1 m, on points in the middle of voxels: perfect features.
inline MadeUp coded_scene(std::int64_t views, std::int64_t h, std::int64_t w, std::int64_t channels,
                          int places, unsigned seed) {
  MadeUp s = random_scene(views, h, w, channels, 1.0F, seed);
  std::mt19937 engine(seed + 1);
  for (std::size_t i = 0; i < s.cells(); ++i) {
    // Each view's first cell is the grid's origin, for the scene as for a pair.
    const bool corner = i % static_cast<std::size_t>(h * w) == 0;
    int at[3];
    for (int& k : at) k = corner ? 0 : static_cast<int>(engine() % static_cast<unsigned>(places));
    for (std::size_t k = 0; k < 3; ++k) {
      s.world[3 * i + k] = 0.1F * static_cast<float>(at[k]) + (corner ? 0.0F : 0.05F);
    }
    std::mt19937 code(static_cast<unsigned>((at[0] * 1000 + at[1]) * 1000 + at[2]) + seed);
    std::normal_distribution<float> normal;
    for (std::int64_t c = 0; c < channels; ++c) {
      s.features[i * static_cast<std::size_t>(channels) + static_cast<std::size_t>(c)] =
          normal(code);
    }
  }
  return s;
}

}  // namespace vega::test
