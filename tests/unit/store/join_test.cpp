#include "store/join.h"

#include <catch2/catch.hpp>
#include <limits>

#include "base/error.h"
#include "store_samples.h"
#include "support/support.h"

using namespace vega;
using namespace vega::test;
using Catch::Contains;

namespace {

FileFrames made(const std::string& path, const std::vector<std::int64_t>& ids) {
  FileFrames frames{path, "room", ids, {}, {}, {}};
  for (const std::int64_t id : ids) {
    frames.world_from_cam.push_back(
        {1, 0, 0, static_cast<double>(id), 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1});
    frames.size_color.push_back({480, 640});
  }
  return frames;
}

std::string refusal(const FileFrames& main, const FileFrames& other,
                    FrameMatch match = FrameMatch::kEqual) {
  return message_of<InputError>([&] { join_frames(main, other, match); });
}

}  // namespace

TEST_CASE("join: frames in the same order, or found by their ids") {
  const FileFrames main = made("f/room.h5", {3, 10, 25, 10});
  CHECK(join_frames(main, made("s/room.h5", {3, 10, 25, 10}), FrameMatch::kEqual) ==
        std::vector<std::size_t>{0, 1, 2, 3});
  CHECK(join_frames(main, made("s/room.h5", {25, 10, 7, 3}), FrameMatch::kAmong) ==
        std::vector<std::size_t>{3, 1, 0, 1});
  CHECK_THAT(refusal(main, made("s/room.h5", {3, 10, 26, 10})),
             Contains("f/room.h5 and s/room.h5") && Contains("4 and 4 frames") &&
                 Contains("frame 2 of the list is 25 in the first, 26 in the second") &&
                 Contains("--select frames:f"));
  CHECK_THAT(refusal(main, made("s/room.h5", {3})), Contains("none in the second"));
  CHECK_THAT(refusal(main, made("s/room.h5", {3, 10}), FrameMatch::kAmong),
             Contains("frame 25 in the first only"));
}

TEST_CASE("join: keys, poses and sizes of one frame must agree where both are known") {
  const FileFrames main = made("f/room.h5", {3, 10});
  FileFrames other = made("s/room.h5", {3, 10});
  SECTION("key") {
    other.key = "kitchen";
    CHECK_THAT(refusal(main, other), Contains("s/room.h5") && Contains("'kitchen'"));
  }
  SECTION("size") {
    other.size_color[1] = {240, 320};
    CHECK_THAT(refusal(main, other), Contains("frame 10 of 640x480 and 320x240 pixels"));
    other.size_color[1] = {0, 0};
    CHECK(refusal(main, other).empty());
  }
  SECTION("pose") {
    other.world_from_cam[1][3] += 1e-5;
    CHECK_THAT(refusal(main, other), Contains("two poses of frame 10"));
    other.world_from_cam[1].fill(std::numeric_limits<double>::quiet_NaN());
    CHECK(refusal(main, other).empty());
  }
  SECTION("pose of a scene file: aligned, and printed with six digits") {
    other.axis_align = Pose{0, -1, 0, 2, 1, 0, 0, -3, 0, 0, 1, 0.5, 0, 0, 0, 1};
    CHECK_THAT(refusal(main, other), Contains("two poses of frame 3"));
    for (auto& pose : other.world_from_cam) pose = multiply(*other.axis_align, pose);
    other.world_from_cam[1][3] += 1e-5;
    CHECK(refusal(main, other).empty());
    other.world_from_cam[1][3] += 1e-3;
    CHECK_THAT(refusal(main, other), Contains("two poses of frame 10"));
  }
}

TEST_CASE("join: the files themselves") {
  const TempFolder folder;
  write_sample(folder / "f/a.h5");
  write_sample(folder / "s/a.h5");
  const FeatureReader a(folder / "f/a.h5"), b(folder / "s/a.h5");
  CHECK(join_frames(frames_of(a), frames_of(b), FrameMatch::kEqual).size() == kFrames);
  CHECK(file_of_scene("--semantic", (folder / "f").string(), "a", "make it") == folder / "f/a.h5");
  CHECK_THROWS_WITH(file_of_scene("--semantic", (folder / "f").string(), "b", "make it"),
                    Contains("--semantic") && Contains("b.h5") && Contains("make it"));
}
