// Folders of frames: the three dialects, what is dropped, and what is refused.
#include <catch2/catch.hpp>

#include <cmath>

#include "base/error.h"
#include "media/decode.h"
#include "media/jpeg.h"
#include "media/png.h"
#include "scene/frame.h"
#include "scene/source.h"
#include "support/load_frame.h"
#include "support/support.h"

using namespace vega;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

const char* const kPose = "1 0 0 0.5\n0 1 0 -2\n0 0 1 3.25\n0 0 0 1\n";
const char* const kOther = "1 0 0 0.6\n0 1 0 -2\n0 0 1 3.25\n0 0 0 1\n";
const char* const kLost =
    "-inf -inf -inf -inf\n-inf -inf -inf -inf\n-inf -inf -inf -inf\n"
    "-inf -inf -inf -inf\n";
const char* const kPoseMatrix =
    "1170.187988 0.000000 647.750000 0.000000\n"
    "0.000000 1170.187988 483.750000 0.000000\n"
    "0.000000 0.000000 1.000000 0.000000\n"
    "0.000000 0.000000 0.000000 1.000000\n";

ImageU8 flat(int w, int h, int level) {
  ImageU8 image(w, h);
  std::fill(image.rgb.begin(), image.rgb.end(), static_cast<std::uint8_t>(level));
  return image;
}

void write_color(const fs::path& path, int level = 100) {
  test::write_bytes(path, encode_jpeg(flat(16, 12, level)));
}

void write_depth(const fs::path& path) {
  ImageU16 depth(8, 6);
  for (std::size_t i = 0; i < depth.v.size(); ++i) depth.v[i] = static_cast<std::uint16_t>(i * 50);
  depth.v[3] = 65535;
  test::write_bytes(path, encode_png16(depth));
}

// Frames 0, 10, 20, 30; frame 10 has no pose, frame 30 no depth.
void write_scannet(const fs::path& folder) {
  for (const std::string stem : {"00000", "00010", "00020", "00030"}) {
    write_color(folder / (stem + ".jpg"));
    test::write_text(folder / (stem + ".txt"), stem == "00010" ? kLost : kPose);
    if (stem != "00030") write_depth(folder / (stem + ".png"));
  }
  test::write_text(folder / "intrinsic.txt", kPoseMatrix);
  test::write_text(folder / "depth_intrinsic.txt", kPoseMatrix);
}

void write_seven(const fs::path& folder, const std::string& color_end) {
  for (const std::string stem : {"frame-000007", "frame-000003"}) {
    if (color_end == ".color.png") {
      test::write_bytes(folder / (stem + color_end), encode_png(flat(16, 12, 77)));
    } else {
      write_color(folder / (stem + color_end), 77);
    }
    test::write_text(folder / (stem + ".pose.txt"), kPose);
    write_depth(folder / (stem + ".depth.png"));
  }
  test::write_text(folder / "camera-intrinsics.txt", "585 0 320\n0 585 240\n0 0 1\n");
}

std::vector<std::int64_t> ids(const SceneSource& source) {
  std::vector<std::int64_t> out;
  for (const auto& frame : source.frames) out.push_back(frame.id);
  return out;
}

std::vector<std::string> names(const SceneSource& source) {
  std::vector<std::string> out;
  for (const auto& frame : source.frames) out.push_back(frame.color.filename().string());
  return out;
}

using Ids = std::vector<std::int64_t>;
using SourceNames = std::vector<std::string>;

}  // namespace

TEST_CASE("a ScanNet folder") {
  test::TempFolder folder;
  write_scannet(folder.path());
  const SceneSource source = open_source(folder.path());
  CHECK(source.dialect == "scannet");
  CHECK(ids(source) == Ids{0, 20, 30});
  CHECK(source.dropped_nonfinite_poses == 1);
  REQUIRE(source.K_color);
  CHECK(*source.K_color ==
        std::array<double, 9>{1170.187988, 0, 647.75, 0, 1170.187988, 483.75, 0, 0, 1});
  CHECK(source.K_depth == source.K_color);
  REQUIRE(source.frames[1].world_from_cam);
  CHECK((*source.frames[1].world_from_cam)[3] == 0.5);
  CHECK((*source.frames[1].world_from_cam)[11] == 3.25);
  CHECK(source.frames[1].depth.filename() == "00020.png");
  CHECK(source.frames[2].depth.empty());
  CHECK(std::isnan(source.frames[0].time_s));
  CHECK(depth_size(source) == ImageSize{8, 6});

  const test::LoadedFrame frame = test::load_frame(source, source.frames[0], true);
  CHECK(frame.color.size() == ImageSize{16, 12});
  CHECK(frame.color_bytes == read_file(folder / "00000.jpg"));
  CHECK(frame.color.rgb[0] == 100);
  REQUIRE(frame.depth);
  CHECK(frame.depth->v[2] == 100);
  CHECK(frame.depth->v[3] == 65535);  // only 7-Scenes marks invalid pixels so
  CHECK_FALSE(test::load_frame(source, source.frames[0], false).depth);
  CHECK_FALSE(test::load_frame(source, source.frames[2], true).depth);
  CHECK_THROWS_WITH(load_depth(source, source.frames[2]), Contains("frame 30"));
}

TEST_CASE("a ScanNet folder without depth or intrinsics") {
  test::TempFolder folder;
  write_color(folder / "5.jpg");
  test::write_text(folder / "5.txt", kPose);
  const SceneSource source = open_source(folder.path());
  CHECK(source.dialect == "scannet");
  CHECK(ids(source) == Ids{5});
  CHECK_FALSE(source.K_color);
  CHECK_FALSE(source.K_depth);
  CHECK(depth_size(source) == ImageSize{});
}

TEST_CASE("a 7-Scenes folder, JPEG or PNG") {
  for (const std::string end : {".color.jpg", ".color.png"}) {
    INFO(end);
    test::TempFolder folder;
    write_seven(folder.path(), end);
    const SceneSource source = open_source(folder.path());
    CHECK(source.dialect == "7scenes");
    CHECK(ids(source) == Ids{3, 7});
    REQUIRE(source.K_color);
    CHECK((*source.K_color)[5] == 240);
    CHECK(source.K_depth == source.K_color);
    const test::LoadedFrame frame = test::load_frame(source, source.frames[0], true);
    CHECK(frame.color.rgb[0] == 77);
    REQUIRE(frame.depth);
    CHECK(frame.depth->v[3] == 0);
    CHECK(frame.depth->v[4] == 200);
  }
}

TEST_CASE("plain pictures: numbers of the names when each has its own") {
  test::TempFolder folder;
  for (const char* name : {"IMG_12.jpg", "IMG_9.JPG", "b_0100.jpeg"}) write_color(folder / name);
  test::write_bytes(folder / "x3.png", encode_png(flat(4, 4, 1)));
  test::write_text(folder / "notes.txt", "nothing");
  test::write_text(folder / "._IMG_12.jpg", "left by another system");
  const SceneSource source = open_source(folder.path());
  CHECK(source.dialect == "images");
  CHECK(ids(source) == Ids{3, 9, 12, 100});
  CHECK(names(source) == SourceNames{"x3.png", "IMG_9.JPG", "IMG_12.jpg", "b_0100.jpeg"});
  CHECK_FALSE(source.frames[0].world_from_cam);
  CHECK_FALSE(source.K_color);
}

TEST_CASE("plain pictures: natural order otherwise") {
  test::TempFolder folder;
  for (const char* name : {"a10.jpg", "a9.jpg", "b9.jpg", "kitchen.jpg", "a9b.jpg"}) {
    write_color(folder / name);
  }
  const SceneSource source = open_source(folder.path());
  CHECK(ids(source) == Ids{0, 1, 2, 3, 4});
  CHECK(names(source) == SourceNames{"a9.jpg", "a9b.jpg", "a10.jpg", "b9.jpg", "kitchen.jpg"});
  // Numbered JPEGs without poses are plain pictures too.
  test::TempFolder other;
  for (const char* name : {"00002.jpg", "00010.jpg"}) write_color(other / name);
  CHECK(open_source(other.path()).dialect == "images");
  CHECK(ids(open_source(other.path())) == Ids{2, 10});
}

TEST_CASE("posed frames whose pictures are PNG") {
  test::TempFolder folder;
  for (int i = 0; i < 4; ++i) {
    const std::string stem = "0000" + std::to_string(i);
    test::write_bytes(folder / (stem + ".png"), encode_png(flat(16, 12, 40 * i)));
    test::write_text(folder / (stem + ".txt"),
                     "1 0 0 0." + std::to_string(i) + "\n0 1 0 0\n0 0 1 0\n0 0 0 1\n");
  }
  test::write_text(folder / "intrinsic.txt", kPoseMatrix);
  const SceneSource source = open_source(folder.path());
  CHECK(source.dialect == "scannet");
  CHECK(ids(source) == Ids{0, 1, 2, 3});
  for (std::size_t i = 0; i < 4; ++i)
    CHECK((*source.frames[i].world_from_cam)[3] == Approx(0.1 * static_cast<double>(i)));
  CHECK(source.K_color);
  CHECK(depth_size(source) == ImageSize{});
  CHECK(test::load_frame(source, source.frames[2], false).color.rgb[0] == 80);
  // Depth maps and poses whose pictures are gone.
  test::TempFolder bare;
  write_depth(bare / "00000.png");
  test::write_text(bare / "00000.txt", kPose);
  CHECK_THROWS_WITH(open_source(bare.path()), Contains("depth maps") && Contains("16-bit"));
}

TEST_CASE("SensReader's folders, and those of scannet_frames_25k") {
  for (const bool release : {true, false}) {
    test::TempFolder folder;
    for (const char* name : {"color", "depth", "pose", "label"})
      fs::create_directory(folder / name);
    for (const std::string stem : {"0", "10", "2"}) {
      write_color(folder / ("color/" + stem + ".jpg"));
      write_depth(folder / ("depth/" + stem + ".png"));
      test::write_text(folder / ("pose/" + stem + ".txt"), stem == "2" ? kLost : kPose);
    }
    if (release) {
      test::write_text(folder / "intrinsics_color.txt", kPoseMatrix);
      test::write_text(folder / "intrinsics_depth.txt", "580 0 320\n0 580 240\n0 0 1\n");
    } else {
      fs::create_directory(folder / "intrinsic");
      test::write_text(folder / "intrinsic/intrinsic_color.txt", kPoseMatrix);
      test::write_text(folder / "intrinsic/intrinsic_depth.txt", "580 0 320\n0 580 240\n0 0 1\n");
      test::write_text(folder / "intrinsic/extrinsic_depth.txt", kPose);
    }
    Findings findings;
    const SceneSource source = open_source(folder.path(), {}, findings);
    CHECK(source.dialect == "sensreader");
    CHECK(ids(source) == Ids{0, 10});
    CHECK((*source.frames[0].world_from_cam)[11] == 3.25);
    CHECK((*source.K_color)[2] == 647.75);
    CHECK((*source.K_depth)[0] == 580);
    CHECK(depth_size(source) == ImageSize{8, 6});
    CHECK(load_depth(source, source.frames[1]).v[2] == 100);
    // The lost pose, the labels that nobody reads, and extrinsics that are no identity.
    CHECK(findings.list().size() == (release ? 3 : 4));
    fs::remove(folder / "pose/10.txt");
    CHECK_THROWS_WITH(open_source(folder.path()), Contains("color/10.jpg"));
    fs::remove_all(folder / "pose");
    CHECK_FALSE(open_source(folder.path()).frames[0].world_from_cam);
  }
}

TEST_CASE("SensReader's C++ export: PGM depth, cameras in _info.txt") {
  test::TempFolder folder;
  for (const std::string stem : {"frame-000000", "frame-000001"}) {
    write_color(folder / (stem + ".color.jpg"));
    test::write_text(folder / (stem + ".pose.txt"), stem.back() == '0' ? kPose : kOther);
    std::string pgm = "P5\n2 1\n65535\n";
    for (const char c : {'\x03', '\xe8', '\xff', '\xff'}) pgm += c;
    test::write_text(folder / (stem + ".depth.pgm"), pgm);
  }
  test::write_text(folder / "_info.txt",
                   "m_versionNumber = 4\nm_depthShift = 1000\n"
                   "m_calibrationColorIntrinsic = 60 0 32 0 0 61 24 0 0 0 1 0 0 0 0 1 \n"
                   "m_calibrationColorExtrinsic = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 \n"
                   "m_calibrationDepthIntrinsic = 30 0 16 0 0 30 12 0 0 0 1 0 0 0 0 1 \n");
  Findings findings;
  const SceneSource source = open_source(folder.path(), {}, findings);
  CHECK(findings.list().empty());
  CHECK(source.dialect == "sensreader");
  CHECK((*source.K_color)[4] == 61);
  CHECK((*source.K_depth)[0] == 30);
  CHECK(depth_size(source) == ImageSize{2, 1});
  CHECK(load_depth(source, source.frames[0]).v == std::vector<std::uint16_t>{1000, 65535});
  test::write_text(folder / "_info.txt", "m_depthShift = 5000\n");
  Findings other;
  open_source(folder.path(), {}, other);
  REQUIRE(other.list().size() == 1);
  CHECK_THAT(other.list()[0].what, Contains("depth shift 5000"));
  Findings noted;
  SourceOptions options;
  options.depth_shift = true;
  const SceneSource shifted = open_source(folder.path(), options, noted);
  CHECK(shifted.depth_shift == 5000);
  CHECK(load_depth(shifted, shifted.frames[0]).v == std::vector<std::uint16_t>{200, 13107});
  REQUIRE(noted.list().size() == 1);
  CHECK(noted.list()[0].severity == Severity::kNote);
  test::write_text(folder / "_info.txt", "m_depthShift = many\n");
  CHECK_THROWS_WITH(open_source(folder.path()), Contains("m_depthShift") && Contains("many"));
}

TEST_CASE("text files may begin with a byte order mark") {
  test::TempFolder folder;
  write_scannet(folder.path());
  const std::string mark = "\xef\xbb\xbf";
  test::write_text(folder / "00000.txt", mark + kPose);
  test::write_text(folder / "intrinsic.txt", mark + kPoseMatrix);
  const SceneSource source = open_source(folder.path());
  CHECK(ids(source) == Ids{0, 20, 30});
  CHECK((*source.K_color)[2] == 647.75);
}

TEST_CASE("files that nobody reads are named; a folder is no picture") {
  const auto found = [](const fs::path& path) {
    Findings findings;
    open_source(path, {}, findings);
    std::string text;
    for (const Finding& f : findings.list())
      if (f.topic == "files") text += std::string(name_of(f.severity)) + ": " + f.line() + "\n";
    return text;
  };
  test::TempFolder posed;
  write_scannet(posed.path());
  fs::create_directory(posed / "00099.jpg");
  CHECK(ids(open_source(posed.path())) == Ids{0, 20, 30});
  CHECK_THAT(found(posed.path()), Contains("00099.jpg/"));
  fs::remove(posed / "00099.jpg");
  CHECK(found(posed.path()).empty());
  test::write_text(posed / "README.md", "x");
  test::write_text(posed / "notes.log", "x");
  CHECK_THAT(found(posed.path()), Contains("note: ") && Contains("notes.log") &&
                                      !Contains("README") && !Contains("warning"));
  test::write_text(posed / "poses.txt", "x");
  CHECK_THAT(found(posed.path()), Contains("warning: ") && Contains("poses.txt"));

  test::TempFolder plain;
  for (const std::string stem : {"a1", "a2", "a3", "a4"}) {
    write_color(plain / (stem + ".jpg"));
    test::write_text(plain / (stem + ".txt"), kPose);
  }
  CHECK_THAT(found(plain.path()), Contains("warning: ") && Contains("4 files *.txt (a1.txt, ...)"));
  fs::create_directory(plain / "depth");
  CHECK_THAT(found(plain.path()), Contains("depth/"));

  // Depth maps among the pictures are none.
  test::TempFolder replica;
  for (const std::string number : {"000", "001"}) {
    write_color(replica / ("frame" + number + ".jpg"));
    write_depth(replica / ("depth" + number + ".png"));
  }
  CHECK(ids(open_source(replica.path())) == Ids{0, 1});
  CHECK_THAT(found(replica.path()), Contains("warning: ") && Contains("depth000.png"));
}

TEST_CASE("pictures one folder below are pointed at") {
  test::TempFolder folder;
  fs::create_directory(folder / "rgb");
  write_color(folder / "rgb/1305031102.175304.jpg");
  test::write_text(folder / "groundtruth.txt", "x");
  CHECK_THROWS_WITH(open_source(folder.path()), Contains("pictures lie in rgb/: give that folder"));
}

TEST_CASE("time stamps as names: order, places as ids, times; the order is said where it is open") {
  test::TempFolder folder;
  const SourceNames stamps{"1305031102.175304.jpg", "1305031102.975304.jpg",
                           "1305031103.011302.jpg"};
  for (const auto& name : stamps) write_color(folder / name);
  Findings findings;
  const SceneSource source = open_source(folder.path(), {}, findings);
  CHECK(findings.list().empty());
  CHECK(names(source) == stamps);
  CHECK(ids(source) == Ids{0, 1, 2});
  CHECK(source.frames[2].time_s == 1305031103.011302);
  // Posed frames of that kind keep their order, too.
  test::TempFolder posed;
  for (const std::string stem : {"1305031102175304", "1305031103011302"}) {
    write_color(posed / (stem + ".jpg"));
    test::write_text(posed / (stem + ".txt"), kPose);
  }
  const SceneSource walked = open_source(posed.path());
  CHECK(walked.dialect == "scannet");
  CHECK(ids(walked) == Ids{0, 1});
  CHECK(walked.frames[1].time_s == 1305031103.011302);

  test::TempFolder open;
  for (const char* name : {"7.jpg", "007.jpg"}) write_color(open / name);
  Findings said;
  open_source(open.path(), {}, said);
  REQUIRE(said.list().size() == 1);
  CHECK(said.list()[0].severity == Severity::kWarning);
  CHECK_THAT(said.list()[0].what, Contains("007.jpg, 7.jpg"));
}

TEST_CASE("the scan of a folder: its own name, else the only one") {
  test::TempFolder folder;
  const fs::path copy = folder / "my_copy";
  fs::create_directory(copy);
  write_scannet(copy);
  CHECK(open_source(copy).scan == "my_copy");
  test::write_text(copy / "scene0000_00.txt", "axisAlignment = ...");
  CHECK(open_source(copy).scan == "scene0000_00");
  test::write_text(copy / "scene0000_00_vh_clean.aggregation.json", "{}");
  Findings findings;
  CHECK(open_source(copy, {}, findings).scan == "scene0000_00");
  REQUIRE_FALSE(findings.list().empty());
  CHECK(findings.list()[0].severity == Severity::kNote);
  CHECK_THAT(findings.list()[0].what, Contains("scene0000_00"));
  test::write_text(copy / "scene0001_00_vh_clean_2.ply", "x");
  Findings two;
  CHECK(open_source(copy, {}, two).scan == "my_copy");
  CHECK_THAT(two.list()[0].what, Contains("several scans") && Contains("scene0001_00"));
  test::write_text(copy / "my_copy_vh_clean_2.ply", "x");
  CHECK(open_source(copy).scan == "my_copy");
}

TEST_CASE("a numbered name too long for a number falls back to its place") {
  test::TempFolder folder;
  write_color(folder / "20260101123456789012345.jpg");
  write_color(folder / "7.jpg");
  CHECK(ids(open_source(folder.path())) == Ids{0, 1});
}

TEST_CASE("folders that are refused") {
  test::TempFolder folder;
  const fs::path root = folder.path();
  SECTION("nothing there") {
    CHECK_THROWS_WITH(open_source(root / "none"), Contains("none") && Contains("nothing there"));
  }
  SECTION("a file") {
    test::write_text(root / "scene.txt", "x");
    CHECK_THROWS_WITH(open_source(root / "scene.txt"), Contains("folder of frames"));
  }
  SECTION("no frames") {
    test::write_text(root / "notes.txt", "x");
    CHECK_THROWS_WITH(open_source(root), Contains("no frames") && Contains("ScanNet") &&
                                             Contains("7-Scenes") && Contains("*.jpg"));
    CHECK_THROWS_AS(open_source(root), InputError);
    test::write_text(root / "a.webp", "x");
    test::write_text(root / "b.WEBP", "x");
    CHECK_THROWS_WITH(open_source(root), Contains("3 files (1 *.txt, 2 *.webp)") &&
                                             Contains("convert the pictures to JPEG or PNG"));
  }
  SECTION("a pose is missing") {
    write_scannet(root);
    fs::remove(root / "00020.txt");
    CHECK_THROWS_WITH(open_source(root), Contains("00020.txt") && Contains("00020.jpg"));
  }
  SECTION("a pose of 15 numbers") {
    write_scannet(root);
    test::write_text(root / "00020.txt", "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0");
    CHECK_THROWS_WITH(open_source(root), Contains("00020.txt") && Contains("15 numbers"));
    CHECK_THROWS_AS(open_source(root), InputError);
  }
  SECTION("a pose of words") {
    write_scannet(root);
    test::write_text(root / "00020.txt", "1 0 0 zero 0 1 0 0 0 0 1 0 0 0 0 1");
    CHECK_THROWS_WITH(open_source(root), Contains("00020.txt") && Contains("zero"));
  }
  SECTION("an empty pose") {
    write_scannet(root);
    test::write_text(root / "00020.txt", "");
    CHECK_THROWS_WITH(open_source(root), Contains("00020.txt") && Contains("0 numbers"));
  }
  SECTION("no finite pose") {
    write_color(root / "00001.jpg");
    test::write_text(root / "00001.txt", "nan 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1");
    CHECK_THROWS_WITH(open_source(root), Contains("none with a finite pose"));
  }
  SECTION("broken intrinsics") {
    write_scannet(root);
    test::write_text(root / "intrinsic.txt", "1 2 3");
    CHECK_THROWS_WITH(open_source(root), Contains("intrinsic.txt") && Contains("3 numbers"));
  }
  SECTION("one number twice") {
    write_scannet(root);
    write_color(root / "20.jpg");
    CHECK_THROWS_WITH(open_source(root),
                      Contains("frame 20") && Contains("20.jpg") && Contains("00020.jpg"));
  }
  SECTION("two dialects") {
    write_scannet(root);
    write_seven(root, ".color.jpg");
    CHECK_THROWS_WITH(open_source(root), Contains("one dialect a folder"));
  }
}

TEST_CASE("poses that are not finite in any spelling are dropped") {
  test::TempFolder folder;
  write_scannet(folder.path());
  test::write_text(folder / "00000.txt", "1 0 0 +inf 0 1 0 0 0 0 1 0 0 0 0 1");
  test::write_text(folder / "00020.txt", "1 0 0 0 0 NaN 0 0 0 0 1 0 0 0 0 1");
  const SceneSource source = open_source(folder.path());
  CHECK(ids(source) == Ids{30});
  CHECK(source.dropped_nonfinite_poses == 3);
}

TEST_CASE("broken frames name their file") {
  test::TempFolder folder;
  write_scannet(folder.path());
  const SceneSource source = open_source(folder.path());
  auto bytes = read_file(folder / "00000.jpg");
  bytes.resize(bytes.size() / 2);
  test::write_bytes(folder / "00000.jpg", bytes);
  CHECK_THROWS_WITH(test::load_frame(source, source.frames[0], false), Contains("00000.jpg"));
  CHECK_THROWS_AS(test::load_frame(source, source.frames[0], false), FormatError);
  fs::remove(folder / "00020.jpg");
  CHECK_THROWS_WITH(test::load_frame(source, source.frames[1], false), Contains("00020.jpg"));
  test::write_bytes(folder / "00020.png", encode_png(flat(4, 4, 9)));
  CHECK_THROWS_WITH(load_depth(source, source.frames[1]),
                    Contains("00020.png") && Contains("16-bit grey"));
}

TEST_CASE("the real kitchen opens", "[shared]") {
  const auto data = test::shared_data();
  if (!data || !fs::exists(*data / "rgbd_kitchen")) {
    test::note_skip("no rgbd_kitchen beside the project");
    return;
  }
  const SceneSource source = open_source(*data / "rgbd_kitchen");
  CHECK(source.dialect == "7scenes");
  REQUIRE(source.frames.size() == 63);
  CHECK(source.frames.front().id == 0);
  CHECK(source.frames[1].id == 16);
  CHECK(source.frames.back().id == 992);
  CHECK(source.dropped_nonfinite_poses == 0);
  REQUIRE(source.K_color);
  CHECK((*source.K_color)[0] == 585);
  CHECK(depth_size(source) == ImageSize{640, 480});
  const test::LoadedFrame frame = test::load_frame(source, source.frames[5], true);
  CHECK(frame.color.size() == ImageSize{640, 480});
  REQUIRE(frame.depth);
  std::int64_t valid = 0;
  std::uint16_t deepest = 0;
  for (const auto v : frame.depth->v) {
    valid += v != 0;
    deepest = std::max(deepest, v);
  }
  CHECK(valid > 640 * 480 / 2);
  CHECK(deepest < 10000);  // a kitchen, in millimetres; 65535 is gone
}
