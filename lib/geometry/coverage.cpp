#include "geometry/coverage.h"

#include <algorithm>
#include <cmath>

#include "base/philox.h"

namespace vega {
namespace {

constexpr float kVoxel = 0.1F;
constexpr std::int64_t kOffset = std::int64_t{1} << 20;

bool pack(const float* xyz, Voxel& voxel) {
  voxel = 0;
  for (int k = 0; k < 3; ++k) {
    const float index = std::nearbyint(xyz[k] / kVoxel);
    if (!(std::fabs(index) < static_cast<float>(kOffset))) return false;
    voxel = (voxel << 21) | static_cast<Voxel>(static_cast<std::int64_t>(index) + kOffset);
  }
  return true;
}

void make_set(std::vector<Voxel>& voxels) {
  std::sort(voxels.begin(), voxels.end());
  voxels.erase(std::unique(voxels.begin(), voxels.end()), voxels.end());
}

// Places in `scene` of the voxels that both have.
std::vector<std::size_t> places(std::span<const Voxel> voxels, std::span<const Voxel> scene) {
  std::vector<std::size_t> out;
  std::size_t at = 0;
  for (const Voxel voxel : voxels) {
    while (at < scene.size() && scene[at] < voxel) ++at;
    if (at < scene.size() && scene[at] == voxel) out.push_back(at);
  }
  return out;
}

std::size_t draw(std::size_t tied, std::size_t pick, std::uint64_t seed,
                 std::string_view scene_key) {
  if (tied == 1) return 0;
  const std::uint64_t use = fnv1a64("mc"), scene = fnv1a64(scene_key);
  const auto words =
      philox4x32({static_cast<std::uint32_t>(pick), static_cast<std::uint32_t>(use ^ (use >> 32)),
                  static_cast<std::uint32_t>(scene), static_cast<std::uint32_t>(scene >> 32)},
                 philox_key(seed));
  const auto number = static_cast<std::size_t>(philox_unit(words[0]) * static_cast<double>(tied));
  return std::min(number, tied - 1);
}

}  // namespace

std::vector<Voxel> voxels_of(std::span<const float> xyz) {
  std::vector<Voxel> out;
  Voxel voxel = 0;
  for (std::size_t i = 0; i + 2 < xyz.size(); i += 3) {
    if (pack(&xyz[i], voxel) && (out.empty() || out.back() != voxel)) out.push_back(voxel);
  }
  make_set(out);
  return out;
}

std::vector<Voxel> voxels_of(const PointMap& map, ZeroDepth zero) {
  if (zero == ZeroDepth::kKeep) return voxels_of(map.xyz);
  std::vector<Voxel> out;
  Voxel voxel = 0;
  for (std::size_t p = 0; p < map.valid.size(); ++p) {
    if (map.valid[p] == 0 || !pack(&map.xyz[3 * p], voxel)) continue;
    if (out.empty() || out.back() != voxel) out.push_back(voxel);
  }
  make_set(out);
  return out;
}

Coverage max_coverage(std::span<const std::vector<Voxel>> frames, std::span<const Voxel> scene,
                      std::size_t count, std::uint64_t seed, std::string_view scene_key) {
  std::vector<std::vector<std::size_t>> seen;
  for (const auto& frame : frames) seen.push_back(places(frame, scene));
  std::vector<char> used(scene.size(), 0), any(scene.size(), 0), picked(frames.size(), 0);
  for (const auto& frame : seen) {
    for (const std::size_t at : frame) any[at] = 1;
  }
  Coverage out;
  out.all = std::count(any.begin(), any.end(), 1);
  while (out.picks.size() < std::min(count, frames.size())) {
    std::int64_t best = -1;
    std::vector<std::size_t> tied;
    for (std::size_t f = 0; f < seen.size(); ++f) {
      if (picked[f] != 0) continue;
      const auto gain = std::count_if(seen[f].begin(), seen[f].end(),
                                      [&](std::size_t at) { return used[at] == 0; });
      if (gain > best) tied.clear();
      if (gain >= best) tied.push_back(f);
      best = std::max<std::int64_t>(best, gain);
    }
    const std::size_t pick = tied[draw(tied.size(), out.picks.size(), seed, scene_key)];
    picked[pick] = 1;
    for (const std::size_t at : seen[pick]) used[at] = 1;
    out.picks.push_back(pick);
    out.gained.push_back(best);
    out.chosen += best;
  }
  return out;
}

std::size_t picks_for_ratio(const Coverage& coverage, double ratio) {
  if (ratio >= 1) return coverage.picks.size();
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < coverage.picks.size(); ++i) {
    sum += coverage.gained[i];
    if (static_cast<double>(sum) >= static_cast<double>(coverage.all) * ratio) return i + 1;
  }
  return coverage.picks.size();
}

std::vector<std::size_t> coverage_candidates(std::size_t frames) {
  const std::size_t step = (frames + 1) / 2 < 32 ? 1 : 2;
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < frames; i += step) out.push_back(i);
  return out;
}

}  // namespace vega
