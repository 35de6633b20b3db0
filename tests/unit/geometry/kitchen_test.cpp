// Real frames of a hand-held camera: what one frame sees lies where its neighbour sees it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "geometry/points.h"
#include "scene/frame.h"
#include "scene/source.h"
#include "support/support.h"

using namespace vega;

namespace {

// Camera from world, for a rotation and a translation.
void to_camera(const Pose& pose, const double world[3], double out[3]) {
  for (int k = 0; k < 3; ++k) {
    out[k] = 0;
    for (int r = 0; r < 3; ++r) out[k] += pose[4 * r + k] * (world[r] - pose[4 * r + 3]);
  }
}

// |dz| in metres of every valid pixel of `a` that lands on a valid pixel of `b`, nearest pixel, no
// occlusion test.
void differences(const PointMap& a, const ImageU16& b, const Intrinsics& K, const Pose& pose_b,
                 std::vector<float>& out) {
  for (std::size_t p = 0; p < a.valid.size(); ++p) {
    if (a.valid[p] == 0) continue;
    const double world[3] = {a.xyz[3 * p], a.xyz[3 * p + 1], a.xyz[3 * p + 2]};
    double c[3];
    to_camera(pose_b, world, c);
    if (!(c[2] > 0)) continue;
    const double u = std::nearbyint(K[0] * c[0] / c[2] + K[2]);
    const double v = std::nearbyint(K[4] * c[1] / c[2] + K[5]);
    if (!(u >= 0 && v >= 0 && u < b.width && v < b.height)) continue;
    const auto depth = b.v[static_cast<std::size_t>(v) * static_cast<std::size_t>(b.width) +
                           static_cast<std::size_t>(u)];
    if (depth == 0) continue;
    out.push_back(static_cast<float>(std::fabs(c[2] - depth / 1000.0)));
  }
}

}  // namespace

TEST_CASE("neighbouring frames of the kitchen agree", "[shared]") {
  const auto data = test::shared_data();
  if (!data) {
    test::note_skip("no shared data: the kitchen is not looked at");
    return;
  }
  const SceneSource source = open_source(*data / "rgbd_kitchen");
  REQUIRE(source.frames.size() == 63);
  REQUIRE(source.K_depth);
  const Intrinsics& K = *source.K_depth;
  std::vector<float> dz;
  ImageU16 depth = load_depth(source, source.frames[0]);
  for (std::size_t i = 0; i + 1 < source.frames.size(); ++i) {
    REQUIRE(source.frames[i + 1].id - source.frames[i].id == 16);
    const PointMap points =
        unproject(depth, K, *source.frames[i].world_from_cam, every_pixel(depth.size()));
    depth = load_depth(source, source.frames[i + 1]);
    differences(points, depth, K, *source.frames[i + 1].world_from_cam, dz);
  }
  REQUIRE(dz.size() > 1000000);
  const auto middle = dz.begin() + static_cast<std::ptrdiff_t>(dz.size() / 2);
  std::nth_element(dz.begin(), middle, dz.end());
  const auto near = std::count_if(dz.begin(), dz.end(), [](float d) { return d < 0.05F; });
  const double share = static_cast<double>(near) / static_cast<double>(dz.size());
  WARN("median " << *middle * 1000 << " mm, within 5 cm " << 100 * share << " %, " << dz.size()
                 << " pixels");
  CHECK(*middle < 0.015F);
  CHECK(share >= 0.93);
}
