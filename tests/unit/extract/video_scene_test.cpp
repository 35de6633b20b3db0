// Videos as scenes, on real files.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "extract_samples.h"
#include "scene/source.h"

using namespace vega;

TEST_CASE("a video is a scene: ordinals as ids, timestamps, no poses", "[shared]") {
  const auto data = test::shared_data();
  if (!data) return test::note_skip("videos: no shared data");
  const test::Bench bench;
  const auto options = [&](const std::string& name, const std::string& select,
                           const std::string& tag) {
    extract::FeatureOptions o = bench.options((*data / "video" / name).string(), "out");
    o.backbone = "rgb", o.model = "", test::set(o, "--view", "stretch"),
    test::set(o, "--select", select), o.output.tag = tag;
    return o;
  };
  const FeatureReader four = test::run_one(options("Wan2.1_1.3B_t2v.mp4", "uniform:4", "four"));
  const FrameTable frames = four.frames();
  CHECK(frames.id == std::vector<std::int64_t>{0, 10, 21, 32});
  CHECK((frames.size_color[0] == std::array<std::int32_t, 2>{480, 832}));
  CHECK(frames.time_s[0] < frames.time_s[3]);
  CHECK(std::isnan(frames.world_from_cam[0][0]));
  CHECK(std::isnan(frames.K_color[0][0]));
  // A frame is the same whatever else is selected, however it is reached.
  const FeatureReader all = test::run_one(options("Wan2.1_1.3B_t2v.mp4", "stride:1", "all"));
  REQUIRE(all.frame_count() == 33);
  CHECK((all.read_tokens(0, 21, 1) == four.read_tokens(0, 2, 1)));
  CHECK_FALSE((all.read_tokens(0, 22, 1) == four.read_tokens(0, 2, 1)));
  // One a second.
  const FeatureReader seconds = test::run_one(options("nasa_13013.mp4", "fps:1", "seconds"));
  const auto times = seconds.frames().time_s;
  REQUIRE(times.size() > 5);
  for (std::size_t i = 1; i < times.size(); ++i)
    CHECK(times[i] - times[i - 1] == Approx(1).margin(0.05));
}

TEST_CASE("a damaged video names the frame and its time; what is no video is refused", "[shared]") {
  const auto data = test::shared_data();
  if (!data) return test::note_skip("videos: no shared data");
  const test::Bench bench;
  const auto run = [&](const std::string& name) {
    extract::FeatureOptions o = bench.options((*data / "video" / name).string(), "out");
    o.backbone = "rgb", o.model = "", test::set(o, "--select", "stride:1");
    test::run(o);
  };
  CHECK_THROWS_WITH(run("corrupted.mp4"),
                    Catch::Contains("corrupted.mp4") && Catch::Contains(" s"));
  CHECK_THROWS_AS(run("corrupted.mp4"), InputError);
  CHECK_THROWS_AS(run("sample_audio_only.mp4"), FormatError);
}
