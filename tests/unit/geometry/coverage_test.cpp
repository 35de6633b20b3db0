#include "geometry/coverage.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "base/philox.h"

using namespace vega;

namespace {

// Frames over voxels 0..n-1, each with a share of them.
std::vector<std::vector<Voxel>> made_up(std::size_t frames, std::size_t n, std::uint64_t seed) {
  std::vector<std::vector<Voxel>> out(frames);
  for (std::size_t f = 0; f < frames; ++f) {
    for (std::size_t v = 0; v < n; ++v) {
      const auto words = philox4x32({static_cast<std::uint32_t>(v), static_cast<std::uint32_t>(f)},
                                    philox_key(seed));
      if (philox_unit(words[0]) < 0.1 + 0.02 * static_cast<double>(f % 7)) out[f].push_back(v);
    }
  }
  return out;
}

std::vector<Voxel> up_to(std::size_t n) {
  std::vector<Voxel> out(n);
  for (std::size_t v = 0; v < n; ++v) out[v] = v;
  return out;
}

}  // namespace

TEST_CASE("every pick adds most of what is left, and the books balance") {
  const auto frames = made_up(40, 700, 5);
  const auto scene = up_to(600);  // what frames see beyond does not count
  const Coverage got = max_coverage(frames, scene, 32, 42, "room");
  REQUIRE(got.picks.size() == 32);
  std::set<Voxel> used;
  for (std::size_t i = 0; i < got.picks.size(); ++i) {
    std::int64_t best = 0, mine = 0;
    for (std::size_t f = 0; f < frames.size(); ++f) {
      const bool taken = std::find(got.picks.begin(), got.picks.begin() + std::ptrdiff_t(i), f) !=
                         got.picks.begin() + std::ptrdiff_t(i);
      if (taken) continue;
      const auto gain = std::count_if(frames[f].begin(), frames[f].end(),
                                      [&](Voxel v) { return v < 600 && used.count(v) == 0; });
      best = std::max<std::int64_t>(best, gain);
      if (f == got.picks[i]) mine = gain;
    }
    REQUIRE(mine == best);
    REQUIRE(got.gained[i] == best);
    for (const Voxel v : frames[got.picks[i]]) {
      if (v < 600) used.insert(v);
    }
  }
  CHECK(got.chosen == static_cast<std::int64_t>(used.size()));
  CHECK(got.all >= got.chosen);

  const auto n95 = picks_for_ratio(got, 0.95), n90 = picks_for_ratio(got, 0.9);
  CHECK(n90 <= n95);
  CHECK(n95 < 32);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i + 1 < n95; ++i) sum += got.gained[i];
  CHECK(static_cast<double>(sum) < 0.95 * static_cast<double>(got.all));
  CHECK(static_cast<double>(sum + got.gained[n95 - 1]) >= 0.95 * static_cast<double>(got.all));
  CHECK(picks_for_ratio(got, 1) == 32);
}

TEST_CASE("ties hang on the seed and the scene alone") {
  const std::vector<std::vector<Voxel>> equal(20, up_to(5));
  const auto scene = up_to(5);
  const auto picks = [&](std::uint64_t seed, const char* key) {
    return max_coverage(equal, scene, 20, seed, key).picks;
  };
  const auto first = picks(42, "a");
  CHECK(first == picks(42, "a"));
  CHECK(first != picks(43, "a"));
  CHECK(first != picks(42, "b"));
  CHECK(std::set<std::size_t>(first.begin(), first.end()).size() == 20);  // none twice
  CHECK(max_coverage(equal, scene, 3, 42, "a").picks ==
        std::vector<std::size_t>(first.begin(), first.begin() + 3));
  CHECK(max_coverage({}, scene, 3, 42, "a").picks.empty());
}

TEST_CASE("candidates are every second frame, or all of a short scene") {
  CHECK(coverage_candidates(63).size() == 32);
  CHECK(coverage_candidates(63)[1] == 2);
  CHECK(coverage_candidates(62).size() == 62);
  CHECK(coverage_candidates(0).empty());
}

TEST_CASE("voxels round to the nearest, half to even, and leave out what has no place") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> xyz{0.04F, -0.04F, 0, 0.0F,  0.0F, 0.0F, 1.26F,  -3.0F, 2.0F,
                               kNan,  0,      0, 1e30F, 0,    0,    -0.06F, 0,     0};
  const auto voxels = voxels_of(xyz);
  CHECK(voxels.size() == 3);
  CHECK(std::is_sorted(voxels.begin(), voxels.end()));
  PointMap map{3, 1, {0, 0, 0, 1, 1, 1, 2, 2, 2}, {1, 0, 1}};
  CHECK(voxels_of(map, ZeroDepth::kKeep).size() == 3);
  CHECK(voxels_of(map, ZeroDepth::kMask).size() == 2);
}
