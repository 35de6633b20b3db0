#include "metrics/oriented_boxes.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "support/support.h"

// A namespace of its own: other tests of this folder have functions of the same names.
namespace vega::metrics::oriented_test {
namespace {

OrientedBox box_of(const nlohmann::json& numbers) { return numbers.get<OrientedBox>(); }

}  // namespace

TEST_CASE("shared volumes and IoU of turned boxes are those of two other programs") {
  const auto golden = nlohmann::json::parse(test::read_text(test::golden("frames/boxes.json")));
  REQUIRE(golden["pairs"].size() > 100);
  for (const auto& one : golden["pairs"]) {
    const OrientedBox a = box_of(one[0]), b = box_of(one[1]);
    CAPTURE(one.dump());
    // Volumes are of the order of 1 m3, and both ways are of a few hundred steps in float64.
    const double shared = one[2], exact = one[3], released = one[4];
    CHECK(shared_volume(a, b) == Approx(shared).margin(1e-13).epsilon(1e-12));
    CHECK(shared_volume(b, a) == Approx(shared).margin(1e-13).epsilon(1e-12));
    CHECK(oriented_iou(a, b) == Approx(exact).margin(1e-12).epsilon(1e-12));
    // The release's float32: some ten steps of 6e-8 of a volume beside that of both.
    CHECK(oriented_iou(a, b) == Approx(released).margin(1e-6));
  }
}

TEST_CASE("turned boxes: faces in one plane, no volume, numbers that are not finite") {
  const OrientedBox cube{0, 0, 0, 2, 2, 2, 0, 0, 0};
  OrientedBox other = cube;
  CHECK(oriented_iou(cube, cube) == Approx(1).epsilon(1e-14));
  other[6] = std::numbers::pi / 2;  // the same cube
  CHECK(oriented_iou(cube, other) == Approx(1).epsilon(1e-14));
  other[6] = std::numbers::pi / 4;  // an octagon of both: 8 (sqrt(2) - 1) of 4
  CHECK(shared_volume(cube, other) == Approx(16 * (std::numbers::sqrt2 - 1)).epsilon(1e-14));
  const OrientedBox half{0.5, 0, 0, 1, 2, 2, 0, 0, 0};  // exactly one half: it passes 0.5
  CHECK(oriented_iou(cube, half) == 0.5);
  CHECK(oriented_iou(cube, {2, 0, 0, 2, 2, 2, 0, 0, 0}) == Approx(0).margin(1e-15));  // they touch
  CHECK(oriented_iou(cube, {0, 0, 0, 2, 2, 0, 0, 0, 0}) == 0);
  CHECK(has_small_face({0, 0, 0, 0.01, 0.019, 5, 0, 0, 0}));
  CHECK_FALSE(has_small_face({0, 0, 0, -0.01, 0.021, 5, 0, 0, 0}));
  CHECK(oriented_iou(cube, {0, 0, 0, 2, 2, 2, std::nan(""), 0, 0}) == 0);
  CHECK(oriented_iou(cube, {1e300, 0, 0, 2, 2, 2, 0, 0, 0}) == 0);
  CHECK(shared_volume(cube, {0, 0, 0, 1e5, 1e5, 1e5, 1, 2, 3}) == Approx(8).epsilon(1e-9));
}

}  // namespace vega::metrics::oriented_test
