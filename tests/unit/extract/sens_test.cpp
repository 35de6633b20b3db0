// A `.sens` stream and the folder of the same frames are one scene.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include "extract_samples.h"
#include "media/sens.h"
#include "scene/frame.h"
#include "scene/source.h"
#include "support/load_frame.h"
#include "synth/scene.h"

using namespace vega;
namespace fs = std::filesystem;

namespace {

fs::path make_room(const fs::path& folder) {
  SceneOptions o;
  o.folder = folder;
  o.frames = 24;
  o.width = 96;
  o.height = 64;
  o.sens = true;
  write_scene(o);
  return folder;
}

extract::FeatureOptions rgb(const test::Bench& bench, const fs::path& input,
                            const std::string& tag) {
  extract::FeatureOptions o = bench.options(input.string(), "room");
  o.backbone = "rgb", o.model = "", o.output.tag = tag, test::set(o, "--select", "stride:1"),
  test::set(o, "--view", "stretch");
  test::set(o, "--candidates", "all"), test::set(o, "--jpeg", "original"),
      test::set(o, "--store-dtype", "fp32");
  return o;
}

}  // namespace

TEST_CASE("a stream read as recorded gives the folder's file: equal key, frames and tokens") {
  const test::Bench bench;
  const fs::path room = make_room(bench.folder / "room");
  const FeatureReader a = test::run_one(rgb(bench, room, "folder"));
  const FeatureReader b = test::run_one(rgb(bench, room / "room.sens", "stream"));
  CHECK(a.header().cache_key == b.header().cache_key);
  REQUIRE(a.frame_count() == 24);
  REQUIRE(b.frame_count() == 24);
  CHECK((a.read_tokens(0, 0, 24) == b.read_tokens(0, 0, 24)));
  CHECK(a.frames().id == b.frames().id);
  CHECK((a.frames().world_from_cam == b.frames().world_from_cam));
  CHECK((a.frames().K_color == b.frames().K_color));
  CHECK((a.thumbs() == b.thumbs()));
}

TEST_CASE("taps are bit-equal over stream, folder and bare pictures of one key") {
  const test::Bench bench;
  const fs::path room = make_room(bench.folder / "room");
  const fs::path bare = bench.folder / "bare" / "room";
  fs::create_directories(bare);
  for (const auto& entry : fs::directory_iterator(room)) {
    if (entry.path().extension() == ".jpg") fs::copy(entry.path(), bare / entry.path().filename());
  }
  const auto run = [&](const fs::path& input, const std::string& out) {
    extract::FeatureOptions o = bench.options(input.string(), out);
    o.items.key = "room", test::set(o, "--jpeg", "original"), test::set(o, "--candidates", "all"),
    test::set(o, "--select", "uniform:5");
    test::set(o, "--store-dtype", "fp32"), test::set(o, "--blocks", "2,20");
    return test::run_one(o);
  };
  const FeatureReader stream = run(room / "room.sens", "stream"), folder = run(room, "folder"),
                      pictures = run(bare, "pictures");
  CHECK(pictures.frames().id == folder.frames().id);
  CHECK(std::isnan(pictures.frames().world_from_cam[0][0]));
  for (std::size_t tap = 0; tap < 2; ++tap) {
    CHECK((stream.read_tokens(tap, 0, 5) == folder.read_tokens(tap, 0, 5)));
    CHECK((pictures.read_tokens(tap, 0, 5) == folder.read_tokens(tap, 0, 5)));
    CHECK((pictures.taps()[tap].cell_to_px == folder.taps()[tap].cell_to_px));
  }
}

TEST_CASE("by default every tenth frame of a stream, encoded once more, as the release has it") {
  const test::Bench bench;
  const fs::path room = make_room(bench.folder / "room");
  extract::FeatureOptions o = rgb(bench, room / "room.sens", "default");
  test::set(o, "--candidates", ""), test::set(o, "--jpeg", "");
  const FeatureReader file = test::run_one(o);
  CHECK(file.frames().id == std::vector<std::int64_t>{0, 10, 20});
  CHECK(file.header().options_json.find("reencoded") != std::string::npos);
  test::set(o, "--jpeg", "original"), o.output.tag = "original";
  const FeatureReader original = test::run_one(o);
  CHECK((original.read_tokens(0, 0, 3) != file.read_tokens(0, 0, 3)));
}

TEST_CASE("a ScanNet scan folder is its stream; frames without a finite pose are dropped") {
  const test::TempFolder folder;
  const fs::path room = make_room(folder / "room");
  const SensFile recorded(room / "room.sens");
  const fs::path scan = folder / "scans/scene0000_00";
  fs::create_directories(scan);
  SensHeader header = recorded.header();
  {
    SensWriter writer(scan / "scene0000_00.sens", header);
    for (std::size_t i = 0; i < 24; ++i) {
      std::array<float, 16> pose;
      std::copy_n(recorded.frames()[i].world_from_cam.begin(), 16, pose.begin());
      if (i % 10 == 0 && i > 0) pose.fill(-std::numeric_limits<float>::infinity());
      writer.append(pose, 1000000 * (i + 1), 0, recorded.color_jpeg(i), recorded.depth(i));
    }
    writer.publish();
  }
  const SceneSource source = open_source(scan);
  CHECK(source.dialect == "sens");
  CHECK(source.frames.size() == 22);
  CHECK(source.dropped_nonfinite_poses == 2);
  CHECK(source.frames[1].id == 1);
  CHECK(source.frames[1].time_s == 2.0);
  CHECK(depth_size(source) == ImageSize{96, 64});
  const test::LoadedFrame frame = test::load_frame(source, source.frames[3], true);
  CHECK(frame.color.size() == ImageSize{96, 64});
  REQUIRE(frame.depth);
  CHECK(frame.depth->v == recorded.depth(3).v);
}

TEST_CASE("default frames of a scan with bad poses are the release's, for many lengths") {
  const test::Bench bench;
  const fs::path room = make_room(bench.folder / "room");
  const SensFile recorded(room / "room.sens");
  std::mt19937 random(7);
  for (const std::uint64_t length : {5, 12, 331, 400, 997}) {
    SensHeader header = recorded.header();
    header.frame_count = length;
    const fs::path file = bench.folder / ("scene" + std::to_string(length) + ".sens");
    std::vector<std::int64_t> usable;
    {
      SensWriter writer(file, header);
      for (std::uint64_t i = 0; i < length; ++i) {
        std::array<float, 16> pose;
        std::copy_n(recorded.frames()[i % 24].world_from_cam.begin(), 16, pose.begin());
        const auto fate = random() % 6;
        if (fate == 0) pose.fill(-std::numeric_limits<float>::infinity());
        if (fate == 1) pose[random() % 12] = std::numeric_limits<float>::quiet_NaN();
        if (fate > 1 && i % 10 == 0) usable.push_back(static_cast<std::int64_t>(i));
        writer.append(pose, i, i, recorded.color_jpeg(i % 24), recorded.depth(i % 24));
      }
      writer.publish();
    }
    if (usable.empty()) continue;
    // numpy.linspace(0, T - 1, 32, dtype=int), exact for 32 = 31 + 1 steps; T - 1 at the end.
    std::vector<std::int64_t> expected;
    for (std::size_t i = 0; i < 32; ++i) expected.push_back(usable[i * (usable.size() - 1) / 31]);
    extract::FeatureOptions o = rgb(bench, file, "release");
    test::set(o, "--candidates", ""), test::set(o, "--jpeg", ""),
        test::set(o, "--select", "uniform:32");
    CAPTURE(length);
    CHECK(test::run_one(o).frames().id == expected);
  }
}

TEST_CASE("a file that is no stream is refused by name") {
  const test::TempFolder folder;
  test::write_text(folder / "notes.sens", "not a stream");
  CHECK_THROWS_WITH(open_source(folder / "notes.sens"), Catch::Contains("notes.sens"));
}
