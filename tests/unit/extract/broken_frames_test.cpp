// Frames that cannot be decoded, scenes by id, streams of a video.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "extract_samples.h"
#include "scene/root.h"

using namespace vega;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

extract::FeatureOptions rgb_options(const test::Bench& bench, const std::string& input,
                                    const std::string& out) {
  extract::FeatureOptions o = bench.options(input, out);
  o.backbone = "rgb", o.model = "", test::set(o, "--select", "stride:1");
  return o;
}

}  // namespace

TEST_CASE("--on-decode-error skip leaves the broken frames out and counts them") {
  const test::Bench bench;
  const fs::path room = bench.scene("room", 6);
  const FeatureReader good = test::run_one(rgb_options(bench, room.string(), "good"));
  auto bytes = test::read_bytes(room / "00002.jpg");
  bytes.resize(bytes.size() / 2);
  test::write_bytes(room / "00002.jpg", bytes);
  test::write_text(room / "00005.jpg", "not a picture");

  extract::FeatureOptions o = rgb_options(bench, room.string(), "skip");
  CHECK_THROWS_WITH(test::run_one(o), Contains("0000"));
  CHECK_FALSE(fs::exists(bench.folder / "skip" / "t" / "room.h5"));
  test::set(o, "--on-decode-error", "skip");
  const FeatureReader left = test::run_one(o);
  CHECK(left.frames().id == std::vector<std::int64_t>{0, 1, 3, 4});
  CHECK(left.header().provenance.at("left_out_undecodable") == "2");
  CHECK(left.header().input_fp != good.header().input_fp);
  CHECK((left.read_tokens(0, 2, 2) == good.read_tokens(0, 3, 2)));
  CHECK(left.thumbs().size() == 4);
  // Complete: found so again, though the frames must be decoded to know it.
  CHECK(test::run(o).complete == 1);

  for (const char* name : {"00000.jpg", "00001.jpg", "00003.jpg", "00004.jpg"})
    test::write_text(room / name, "nothing");
  CHECK_THROWS_WITH(test::run_one(o), Contains("none of the 6 selected frames"));
}

TEST_CASE("a frame that a short scene repeats is left out in all its rows") {
  const test::Bench bench;
  const fs::path room = bench.scene("room", 3);
  test::write_text(room / "00001.jpg", "nothing");
  extract::FeatureOptions o = rgb_options(bench, room.string(), "out");
  test::set(o, "--select", "uniform:5"), test::set(o, "--on-decode-error", "skip");
  const auto ids = test::run_one(o).frames().id;
  CHECK(ids.size() >= 3);
  CHECK(std::find(ids.begin(), ids.end(), 1) == ids.end());
}

TEST_CASE("broken frames of a video: named with their time, or left out", "[shared]") {
  const auto data = test::shared_data();
  if (!data) return test::note_skip("videos: no shared data");
  const test::Bench bench;
  extract::FeatureOptions o =
      rgb_options(bench, (*data / "video" / "corrupted.mp4").string(), "out");
  CHECK_THROWS_AS(test::run_one(o), InputError);
  CHECK_THROWS_WITH(test::run_one(o),
                    Contains("frame 29 at 2.900000 s") && Contains("--on-decode-error skip"));
  test::set(o, "--on-decode-error", "skip");
  const FeatureReader left = test::run_one(o);
  CHECK(left.header().provenance.at("left_out_undecodable") == "21");
  REQUIRE(left.frame_count() == 29);
  CHECK(left.frames().id.front() == 0);
  CHECK(left.frames().id.back() == 28);
  // A frame asked for alone, before the damage, is the same.
  test::write_text(bench.folder / "ids", "17\n");
  test::set(o, "--select", "list:" + (bench.folder / "ids").string()),
      test::set(o, "--on-decode-error", "fail");
  o.output.out = (bench.folder / "one").string();
  CHECK((test::run_one(o).read_tokens(0, 0, 1) == left.read_tokens(0, 17, 1)));
}

TEST_CASE("--stream chooses among the streams of a video", "[shared]") {
  const auto data = test::shared_data();
  if (!data) return test::note_skip("videos: no shared data");
  const test::Bench bench;
  extract::FeatureOptions o =
      rgb_options(bench, (*data / "video" / "nasa_13013.mp4").string(), "out");
  test::set(o, "--select", "uniform:2");
  const FeatureReader first = test::run_one(o);
  o.source.stream = 3, o.output.out = (bench.folder / "other").string();
  const FeatureReader other = test::run_one(o);
  CHECK((first.frames().size_color[0] == std::array<std::int32_t, 2>{180, 320}));
  CHECK((other.frames().size_color[0] == std::array<std::int32_t, 2>{270, 480}));
  CHECK(first.header().cache_key != other.header().cache_key);
  o.source.stream = 1;  // sound
  CHECK_THROWS_WITH(test::run_one(o), Contains("stream") && Contains("1"));
  CHECK_THROWS_AS(test::set(o, "--stream", "-2"), UsageError);
}

TEST_CASE("scenes by id below a root, as ScanNet and the official data tree have them") {
  const test::Bench bench;
  const fs::path root = bench.folder / "data";
  fs::create_directories(root / "scannet" / "posed_images");
  fs::create_directories(root / "scannet" / "scans");
  fs::rename(bench.scene("posed", 2), root / "scannet" / "posed_images" / "scene0000_00");
  fs::rename(bench.scene("other", 3), root / "scannet" / "scans" / "scene0000_01");
  extract::FeatureOptions o = rgb_options(bench, "", "out");
  o.items.root = root.string();
  test::write_text(bench.folder / "ids", "scene0000_00\nmine\tscannet/scene0000_01\nscene9\n");
  o.items.inputs.clear(), o.items.list = (bench.folder / "ids").string();
  test::Manifest manifest;
  const RunResult report = test::run(o, &manifest);
  CHECK(report.exit_code == 4);
  CHECK(report.failed == 1);
  REQUIRE(manifest.size() == 2);
  CHECK(manifest[0].first == "scene0000_00");
  CHECK(manifest[1].first == "mine");
  CHECK(FeatureReader(manifest[0].second).frame_count() == 2);
  CHECK(FeatureReader(manifest[1].second).frame_count() == 3);

  o.items.list = "", o.items.inputs = {"scene9"};
  CHECK_THROWS_WITH(test::run_one(o), Contains("scene9") && Contains("scannet/posed_images/"));
  o.items.inputs = {"../data/scene0000_00"};
  CHECK_THROWS_WITH(test::run_one(o), Contains("the id of a scene"));
  CHECK(find_scene(root / "scannet", "scene0000_01") ==
        root / "scannet" / "scans" / "scene0000_01");
  CHECK(find_scene(root / "scannet" / "scans", "scene0000_01") ==
        root / "scannet" / "scans" / "scene0000_01");
  CHECK_THROWS_WITH(find_scene(root / "none", "a"), Contains("nothing there"));
}
