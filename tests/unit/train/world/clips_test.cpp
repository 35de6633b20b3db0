// Which frames a step sees.
#include "train/world/clips.h"

#include <catch2/catch.hpp>

#include <set>

#include "base/error.h"

using namespace vega;
using namespace vega::train;

TEST_CASE("clips stay inside their walk, and all of it is drawn") {
  ClipOptions options;
  options.single = 0;
  const ClipDrawer drawer({32, 7, 4, 3}, options, 1);  // the last walk has no room for a clip
  CHECK(drawer.roomy() == 3);
  std::set<std::size_t> walks, begins;
  std::set<std::ptrdiff_t> moves;
  std::size_t mirrored = 0, clips = 0;
  for (std::int64_t step = 0; step < 100; ++step) {
    for (const Clip& clip : drawer.step(step)) {
      REQUIRE(clip.places.size() == 4);
      const std::size_t length = std::array{32, 7, 4}[clip.walk];
      const auto move =
          static_cast<std::ptrdiff_t>(clip.places[1]) - static_cast<std::ptrdiff_t>(clip.places[0]);
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(clip.places[i] < length);
        if (i > 0)
          CHECK(static_cast<std::ptrdiff_t>(clip.places[i]) ==
                static_cast<std::ptrdiff_t>(clip.places[i - 1]) + move);
      }
      if (clip.walk == 2) CHECK(std::abs(move) == 1);  // stride 2 has no room in four frames
      walks.insert(clip.walk);
      if (clip.walk == 0) moves.insert(move);
      if (clip.walk == 0 && move == 1) begins.insert(clip.places[0]);
      mirrored += clip.mirrored ? 1 : 0;
      ++clips;
    }
  }
  CHECK(walks == std::set<std::size_t>{0, 1, 2});
  CHECK(moves == std::set<std::ptrdiff_t>{-2, -1, 1, 2});
  CHECK(begins.size() > 20);
  CHECK(*begins.rbegin() <= 28);
  CHECK(clips == 800);
  CHECK(mirrored > 320);
  CHECK(mirrored < 480);
}

TEST_CASE("a clip of a closed walk goes on at its beginning") {
  ClipOptions options;
  options.single = 0, options.closed = true, options.strides = {2};
  const ClipDrawer drawer({8}, options, 3);
  std::set<std::size_t> begins;
  for (std::int64_t step = 0; step < 40; ++step)
    for (const Clip& clip : drawer.step(step)) {
      begins.insert(clip.places[0]);
      const std::size_t move = (clip.places[1] + 8 - clip.places[0]) % 8;
      CHECK((move == 2 || move == 6));
    }
  CHECK(begins.size() == 8);
}

TEST_CASE("a share of the steps sees as many single frames, of all walks") {
  const ClipDrawer drawer({32, 2}, {}, 5);
  std::size_t single = 0;
  std::set<std::size_t> walks;
  for (std::int64_t step = 0; step < 400; ++step) {
    const std::vector<Clip> clips = drawer.step(step);
    if (clips[0].places.size() > 1) {
      CHECK(clips.size() == 8);
      continue;
    }
    ++single;
    CHECK(clips.size() == 32);
    for (const Clip& clip : clips) {
      CHECK(clip.places.size() == 1);
      walks.insert(clip.walk);
    }
  }
  CHECK(single > 70);
  CHECK(single < 130);
  CHECK(walks.size() == 2);
}

TEST_CASE("a step depends on its number and the seed alone") {
  const ClipDrawer a({32, 9}, {}, 7), b({32, 9}, {}, 7), c({32, 9}, {}, 8);
  static_cast<void>(a.step(11));
  CHECK((a.step(12) == b.step(12)));
  CHECK_FALSE((a.step(12) == c.step(12)));
  CHECK_FALSE((a.step(12) == a.step(13)));
}

TEST_CASE("without room for a clip every step sees single frames; without a walk there is none") {
  const ClipDrawer drawer({3, 1}, {}, 7);
  CHECK(drawer.roomy() == 0);
  for (std::int64_t step = 0; step < 20; ++step)
    for (const Clip& clip : drawer.step(step)) CHECK(clip.places.size() == 1);
  CHECK_THROWS_AS(ClipDrawer({}, {}, 7), InputError);
}
