// Scenes turned, shifted and thinned: what stays true of them, and that nothing else decides.
#include "train/augment.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>

#include "base/error.h"

using namespace vega;
using namespace vega::train;

namespace {

constexpr std::int64_t kFrames = 6;

// Every value says where it is: frame, cell, channel.
vlm::SceneInput made_scene() {
  vlm::SceneInput scene;
  scene.key = "room";
  const auto counted = [](at::IntArrayRef shape) {
    return at::arange(at::prod(at::tensor(shape)).item<std::int64_t>(), at::kFloat).reshape(shape);
  };
  scene.semantic = counted({kFrames, 729, 3});
  scene.generative = counted({kFrames, 196, 5});
  scene.uncovered = counted({kFrames, 196}).remainder(7) == 0;
  scene.points = (counted({kFrames * 196, 1, 3}) * 0.37).remainder(8) - 4;
  scene.points[5].fill_(std::numeric_limits<float>::quiet_NaN());
  scene.boxes = {Box{1, 2, 0.5F, 1, 2, 1}, Box{5, 4, 1, 0.2F, 0.4F, 2}, Box{-3, -2, 0, 1, 1, 1}};
  scene.object_ids = {3, 5, 9};
  scene.selected = counted({3, kFrames * 729}).remainder(11) == 0;
  return scene;
}

AugmentOptions everything() { return {.turn = true, .shift_m = 1, .frames = 4}; }

Augmentation drawn(const AugmentOptions& options, std::uint64_t seed, std::uint32_t step,
                   const std::string& key) {
  return draw_augmentation(options, seed, step, key, kFrames, {0, 0});
}

double distance(const Box& a, const Box& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

}  // namespace

TEST_CASE("augment: seed, step and scene decide alone") {
  const Augmentation one = drawn(everything(), 1, 7, "room");
  const Augmentation again = drawn(everything(), 1, 7, "room");
  CHECK(one.move.angle == again.move.angle);
  CHECK(one.move.shift == again.move.shift);
  CHECK(one.frames == again.frames);
  CHECK(drawn(everything(), 2, 7, "room").move.angle != one.move.angle);
  CHECK(drawn(everything(), 1, 8, "room").move.angle != one.move.angle);
  CHECK(drawn(everything(), 1, 7, "loft").move.angle != one.move.angle);
  // One part off, the others as before.
  AugmentOptions still = everything();
  still.turn = false;
  const Augmentation unturned = drawn(still, 1, 7, "room");
  CHECK(unturned.move.angle == 0);
  CHECK(unturned.move.shift == one.move.shift);
  CHECK(unturned.frames == one.frames);
}

TEST_CASE("augment: any angle, any shift up to the limit, every frame equally often") {
  std::array<int, 4> quarters{};
  std::array<int, kFrames> frames{};
  double furthest = 0;
  constexpr int kDraws = 1200;
  for (std::uint32_t step = 0; step < kDraws; ++step) {
    const Augmentation how = drawn(everything(), 3, step, "room");
    REQUIRE(how.move.angle >= 0);
    REQUIRE(how.move.angle < 2 * std::numbers::pi);
    ++quarters[static_cast<std::size_t>(how.move.angle / (std::numbers::pi / 2))];
    for (const double shift : how.move.shift) {
      REQUIRE(std::abs(shift) <= 1);
      furthest = std::max(furthest, std::abs(shift));
    }
    REQUIRE(how.frames.size() == 4);
    REQUIRE(std::set(how.frames.begin(), how.frames.end()).size() == 4);
    REQUIRE(std::is_sorted(how.frames.begin(), how.frames.end()));
    for (const std::int64_t frame : how.frames) ++frames[static_cast<std::size_t>(frame)];
  }
  // 300 expected, deviation 15; 800 expected, deviation 16.3: five deviations.
  for (const int count : quarters) CHECK(std::abs(count - kDraws / 4) < 75);
  for (const int count : frames) CHECK(std::abs(count - kDraws * 4 / kFrames) < 82);
  CHECK(furthest > 0.99);
}

TEST_CASE("augment: a turned room keeps its distances, heights and extents") {
  const vlm::SceneInput scene = made_scene();
  const auto middle = room_middle(scene);
  CHECK(middle == std::array<double, 2>{1, 1});
  const Augmentation how =
      draw_augmentation({.turn = true, .shift_m = 2}, 5, 1, scene.key, kFrames, middle);
  const vlm::SceneInput out = augmented(scene, how);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(out.boxes[i][2] == scene.boxes[i][2]);
    for (std::size_t a = 3; a < 6; ++a) CHECK(out.boxes[i][a] == scene.boxes[i][a]);
    for (std::size_t j = 0; j < i; ++j)
      CHECK(distance(out.boxes[i], out.boxes[j]) ==
            Approx(distance(scene.boxes[i], scene.boxes[j])).epsilon(1e-6));
    CHECK(distance(out.boxes[i], scene.boxes[i]) > 0.01);
  }
  // Points and boxes move together: a point in the centre of a box stays there.
  vlm::SceneInput centre = scene;
  for (std::int64_t a = 0; a < 3; ++a)
    centre.points[0][0][a] = scene.boxes[1][static_cast<std::size_t>(a)];
  const vlm::SceneInput followed = augmented(centre, how);
  const auto named = moved({{scene.boxes[1][0], scene.boxes[1][1], scene.boxes[1][2]}}, how.move);
  for (std::int64_t a = 0; a < 3; ++a) {
    const float expected = followed.boxes[1][static_cast<std::size_t>(a)];
    CHECK(followed.points[0][0][a].item<float>() == expected);
    CHECK(named[0][static_cast<std::size_t>(a)] == expected);
  }
  CHECK(followed.points[5].isnan().slice(-1, 0, 2).all().item<bool>());
  CHECK(out.points.sizes() == scene.points.sizes());
  CHECK(out.semantic.is_same(scene.semantic));  // shared: nothing changed it
  CHECK(out.selected.is_same(scene.selected));
}

TEST_CASE("augment: a quarter turn, by hand") {
  RoomMove move;
  move.angle = std::numbers::pi / 2;
  move.middle = {1, 1};
  move.shift = {10, 20};
  const auto p = move.place({3, 1, 7});  // two metres east of the middle: two metres north of it
  CHECK(p[0] == Approx(11));
  CHECK(p[1] == Approx(23));
  CHECK(p[2] == 7);
}

TEST_CASE("augment: of the kept frames everything, of the others nothing") {
  const vlm::SceneInput scene = made_scene();
  Augmentation how;
  how.frames = {1, 4};
  const vlm::SceneInput out = augmented(scene, how);
  CHECK(frame_count(scene) == kFrames);
  CHECK(frame_count(out) == 2);
  for (const auto& [place, frame] : {std::pair{0, 1}, std::pair{1, 4}}) {
    CHECK(at::equal(out.semantic[place], scene.semantic[frame]));
    CHECK(at::equal(out.generative[place], scene.generative[frame]));
    CHECK(at::equal(out.uncovered[place], scene.uncovered[frame]));
    CHECK(at::allclose(out.points.slice(0, place * 196, (place + 1) * 196),
                       scene.points.slice(0, frame * 196, (frame + 1) * 196), 0, 0, true));
    CHECK(at::equal(out.selected.slice(1, place * 729, (place + 1) * 729),
                    scene.selected.slice(1, frame * 729, (frame + 1) * 729)));
  }
  CHECK((out.boxes == scene.boxes));
  // More than there are: all, unchanged.
  const Augmentation all = draw_augmentation({.frames = 99}, 1, 1, "room", kFrames, {0, 0});
  CHECK(augmented(scene, all).semantic.is_same(scene.semantic));
}

TEST_CASE("augment: settings that make no sense") {
  CHECK_THROWS_AS(drawn({.shift_m = -1}, 1, 1, "room"), InputError);
  CHECK_THROWS_AS(drawn({.shift_m = std::nan("")}, 1, 1, "room"), InputError);
  CHECK_THROWS_AS(drawn({.frames = -1}, 1, 1, "room"), InputError);
}
