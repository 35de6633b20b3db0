// The checks of a scene report every fault with its frames. Where findings are collected, no fault
// ends the work.
#include "scene/checks.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "media/jpeg.h"
#include "media/png.h"
#include "media/sens.h"
#include "scene/frame.h"
#include "scene/frame_checks.h"
#include "support/exif.h"
#include "support/support.h"

using namespace vega;
namespace fs = std::filesystem;

namespace {

using CheckedIds = std::vector<std::int64_t>;
constexpr float kInf = std::numeric_limits<float>::infinity();

// Smooth noise, so that a cut file is a broken one.
ImageU8 picture(int w = 64, int h = 48) {
  ImageU8 image(w, h);
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = static_cast<std::uint8_t>((i * 7919) >> 3);
  return image;
}

// A third of the pixels invalid, the others 1 to 3 m.
ImageU16 depth_map(int w = 32, int h = 24) {
  ImageU16 depth(w, h);
  for (std::size_t i = 0; i < depth.v.size(); ++i)
    depth.v[i] = static_cast<std::uint16_t>(i % 3 == 0 ? 0 : 1000 + i);
  return depth;
}

std::string pose_text(double x) {
  return "1 0 0 " + std::to_string(x) + "\n0 1 0 0\n0 0 1 0\n0 0 0 1\n";
}

std::string stem(std::int64_t id) {
  const std::string text = std::to_string(id);
  return std::string(5 - text.size(), '0') + text;
}

const char* const kMatrix = "60 0 32 0\n0 60 24 0\n0 0 1 0\n0 0 0 1\n";
const char* const kDepthMatrix = "30 0 16 0\n0 30 12 0\n0 0 1 0\n0 0 0 1\n";

// Frames 0, 10, ... as the release exports them.
struct Scan {
  test::TempFolder folder;
  fs::path path = folder.path();

  explicit Scan(int frames = 8) {
    for (int i = 0; i < frames; ++i) {
      test::write_bytes(file(10 * i, ".jpg"), encode_jpeg(picture()));
      test::write_bytes(file(10 * i, ".png"), encode_png16(depth_map()));
      test::write_text(file(10 * i, ".txt"), pose_text(0.1 * i));
    }
    test::write_text(path / "intrinsic.txt", kMatrix);
    test::write_text(path / "depth_intrinsic.txt", kDepthMatrix);
  }
  fs::path file(std::int64_t id, const std::string& ending) const {
    return path / (stem(id) + ending);
  }
};

struct Result {
  Findings findings;
  SceneSource source;
  FramesSummary pictures;
  std::vector<std::size_t> lost;

  // Everything that a dry run looks at.
  void look_at_frames(const std::vector<std::size_t>& used, FrameRule rule) {
    auto seen = unseen_frames(source, used);
    decode_pictures(source, used, 2, seen);
    measure_depths(source, used, 2, seen);
    glance_at_others(source, 2, seen);
    lost = check_frames(source, seen, rule, findings);
    pictures = summarize_frames(seen);
  }

  // The one finding of a topic whose text holds `what`.
  const Finding& one(const std::string& topic, const std::string& what) const {
    const Finding* found = nullptr;
    for (const Finding& f : findings.list()) {
      if (f.topic != topic || f.what.find(what) == std::string::npos) continue;
      INFO("twice: " << topic << ": " << what);
      REQUIRE(found == nullptr);
      found = &f;
    }
    INFO(topic << ": " << what << " is not among\n" << text());
    REQUIRE(found != nullptr);
    return *found;
  }
  std::string text() const {
    std::string out;
    for (const Finding& f : findings.list()) {
      out +=
          std::string(name_of(f.severity)) + " " + f.topic + " [" + f.ranges + "] " + f.what + "\n";
    }
    return out;
  }
};

// The first `selected` frames are decoded.
Result audit(const fs::path& path, std::size_t selected = 1000, bool skip = false,
             const SourceOptions& options = {}) {
  Result r;
  r.source = open_source(path, options, r.findings);
  if (r.source.frames.empty()) return r;
  std::vector<std::size_t> frames;
  for (std::size_t i = 0; i < std::min(selected, r.source.frames.size()); ++i) frames.push_back(i);
  r.look_at_frames(frames, {.skip_broken = skip});
  return r;
}

void cut_file(const fs::path& path, double share) {
  const auto bytes = test::read_bytes(path);
  const auto keep = static_cast<std::size_t>(share * static_cast<double>(bytes.size()));
  test::write_bytes(path, std::span(bytes).first(keep));
}

}  // namespace

TEST_CASE("ranges of frames count neighbours of the scene, not numbers") {
  const CheckedIds all{0, 10, 20, 30, 40, 50, 60};
  CHECK(id_ranges(CheckedIds{}, all).empty());
  CHECK(id_ranges(CheckedIds{20}, all) == "20");
  CHECK(id_ranges(CheckedIds{20, 30}, all) == "20, 30");
  CHECK(id_ranges(CheckedIds{10, 20, 30, 40, 60}, all) == "10-40, 60");
  CHECK(id_ranges(all, all) == "0-60");
  CHECK(id_ranges(CheckedIds{0, 20, 40, 50, 60}, all) == "0, 20, 40-60");
  CHECK(id_ranges(CheckedIds{5, 6}, CheckedIds{}) == "5, 6");
}

TEST_CASE("a scan without fault has no finding") {
  const Scan scan;
  const Result r = audit(scan.path, 3);
  INFO(r.text());
  CHECK(r.findings.list().empty());
  CHECK(r.source.dialect == "scannet");
  CHECK(r.source.found == 8);
  CHECK(r.pictures.color == ImageSize{64, 48});
  CHECK(r.pictures.depth == ImageSize{32, 24});
  CHECK(r.pictures.decoded == 3);
  CHECK(r.lost.empty());
  CHECK(r.pictures.decode_seconds > 0);
  REQUIRE(r.pictures.valid);
  CHECK(*r.pictures.valid == Approx(2.0 / 3).epsilon(1e-12));
}

TEST_CASE("poses that are not finite are counted by frame, and the others are used") {
  const Scan scan;
  for (const int id : {10, 20, 30, 60})
    test::write_text(scan.file(id, ".txt"), "-inf -inf -inf -inf\n0 1 0 0\n0 0 1 0\n0 0 0 1\n");
  test::write_text(scan.file(50, ".txt"), "nan 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n");
  const Result r = audit(scan.path);
  const Finding& lost = r.one("poses", "infinite");
  CHECK(lost.severity == Severity::kWarning);
  CHECK(lost.frames == CheckedIds{10, 20, 30, 60});
  CHECK(lost.ranges == "10-30, 60");
  CHECK(lost.what.find("4 of 8") != std::string::npos);
  CHECK(r.one("poses", "not a number").frames == CheckedIds{50});
  CHECK(r.source.found == 8);
  CHECK(r.source.frames.size() == 3);
  CHECK_FALSE(r.findings.has(Severity::kError));
}

TEST_CASE("missing and unreadable poses are errors; the audit goes on with the others") {
  const Scan scan;
  fs::remove(scan.file(10, ".txt"));
  fs::remove(scan.file(20, ".txt"));
  test::write_text(scan.file(40, ".txt"), "1 2 3");
  test::write_text(scan.file(50, ".txt"), "one two three");
  test::write_text(scan.file(60, ".jpg"), "");
  const Result r = audit(scan.path);
  CHECK(r.one("poses", "without a pose file").frames == CheckedIds{10, 20});
  CHECK(r.one("poses", "without a pose file").severity == Severity::kError);
  const Finding& bad = r.one("poses", "cannot be read");
  CHECK(bad.frames == CheckedIds{40, 50});
  CHECK(bad.what.find("00040.txt: got 3 numbers") != std::string::npos);
  CHECK(r.one("color", "empty file").frames == CheckedIds{60});
  CHECK(r.source.frames.size() == 4);
  CHECK(r.source.K_color);
  CHECK(r.findings.count(Severity::kError) == 3);  // what open_source said is not told again
}

TEST_CASE("poses of lost tracking, in folders and streams, are left out as infinite ones are") {
  const Scan scan(5);
  test::write_text(scan.file(20, ".txt"), "0 0 0 0\n0 0 0 0\n0 0 0 0\n0 0 0 0\n");
  const Result r = audit(scan.path);
  CHECK(r.one("poses", "singular").frames == CheckedIds{20});
  CHECK(r.source.frames.size() == 4);
  CHECK(r.source.dropped_nonfinite_poses == 1);
  CHECK(unusable({1e-3, 0, 0, 5, 0, 1e-3, 0, 5, 0, 0, 1e-3, 5, 0, 0, 0, 1}).empty() == false);
  CHECK(unusable({0.02, 0, 0, 5, 0, 0.02, 0, 5, 0, 0, 0.02, 5, 0, 0, 0, 1}).empty());
}

TEST_CASE("where findings throw, the first error ends the opening and names all its frames") {
  const Scan scan;
  fs::remove(scan.file(10, ".txt"));
  fs::remove(scan.file(20, ".txt"));
  Findings findings(Findings::AtError::kThrow);
  CHECK_THROWS_WITH(open_source(scan.path, {}, findings), Catch::Contains("frames 10, 20") &&
                                                              Catch::Contains("00010.jpg") &&
                                                              Catch::Contains("add 00010.txt"));
  CHECK(findings.list().empty());
  test::write_text(scan.file(10, ".txt"), pose_text(0.1));
  test::write_text(scan.file(20, ".txt"), "2 0 0 0.2\n0 2 0 0\n0 0 2 0\n0 0 0 1\n");
  const SceneSource source = open_source(scan.path, {}, findings);
  CHECK(source.frames.size() == 8);
  REQUIRE(findings.list().size() == 1);
  CHECK_THAT(findings.list()[0].line(),
             Catch::Contains("frame 20: the rotation is not orthonormal"));
}

TEST_CASE("poses that are no camera's") {
  const Scan scan(12);
  test::write_text(scan.file(10, ".txt"), "2 0 0 0.1\n0 2 0 0\n0 0 2 0\n0 0 0 1\n");
  test::write_text(scan.file(20, ".txt"), "1 0 0 0.2\n0 1 0 0\n0 0 -1 0\n0 0 0 1\n");
  test::write_text(scan.file(30, ".txt"), "1 0 0 0.3\n0 1 0 0\n0 0 1 0\n0.3 0 0 1\n");
  test::write_text(scan.file(60, ".txt"), pose_text(9));
  test::write_text(scan.file(90, ".txt"), pose_text(0.8));
  const Result r = audit(scan.path, 1);
  CHECK(r.one("poses", "not orthonormal").frames == CheckedIds{10});
  CHECK(r.one("poses", "up to 3").frames == CheckedIds{10});  // 2 * 2 - 1
  CHECK(r.one("poses", "reflection").frames == CheckedIds{20});
  CHECK(r.one("poses", "last row").frames == CheckedIds{30});
  const Finding& jump = r.one("poses", "jumps by up to 8.5 m");
  CHECK(jump.frames == CheckedIds{60, 70});
  CHECK(jump.severity == Severity::kNote);
  const Finding& still = r.one("poses", "frame before again");
  CHECK(still.frames == CheckedIds{90});
  CHECK(still.severity == Severity::kNote);

  for (int id = 0; id < 120; id += 10) test::write_text(scan.file(id, ".txt"), pose_text(1500));
  const Result far = audit(scan.path, 1);
  CHECK(far.one("poses", "from the origin").frames.size() == 12);
  CHECK(far.one("poses", "one and the same pose").severity == Severity::kWarning);
}

TEST_CASE("intrinsics: missing, malformed, of pictures of another size") {
  const Scan scan(2);
  const auto with = [&](const std::string& text) {
    test::write_text(scan.path / "intrinsic.txt", text);
    return audit(scan.path);
  };
  CHECK(with("1 2 3").one("intrinsics", "3 numbers").severity == Severity::kError);
  CHECK(with("60 0 nan 0 60 24 0 0 1").one("intrinsics", "not all finite").severity ==
        Severity::kError);
  CHECK(with("60 0 x 0 60 24 0 0 1").one("intrinsics", "\"x\"").severity == Severity::kError);
  CHECK(with("-60 0 32 0 60 24 0 0 1").one("intrinsics", "not positive").severity ==
        Severity::kWarning);
  CHECK(with("600 0 320 0 600 240 0 0 1").one("intrinsics", "outside the 64x48").severity ==
        Severity::kWarning);
  with("30 0 15 0 30 12 0 0 1").one("intrinsics", "do not fit 64x48");
  with("900 0 32 0 900 24 0 0 1").one("intrinsics", "do not fit 64x48");
  with("60 0 32 0 90 24 0 0 1").one("intrinsics", "more than a fifth");
  with("60 0 32 0 60 24 0 1 1").one("intrinsics", "last row");
  fs::remove(scan.path / "intrinsic.txt");
  fs::remove(scan.path / "depth_intrinsic.txt");
  const Result r = audit(scan.path);
  CHECK(r.one("intrinsics", "colour intrinsics are missing").severity == Severity::kWarning);
  CHECK(r.one("intrinsics", "depth intrinsics are missing").severity == Severity::kWarning);
}

TEST_CASE("pictures: broken ones among the selected are errors, among the others warnings") {
  const Scan scan(10);
  test::write_text(scan.file(0, ".jpg"), "");
  cut_file(scan.file(10, ".jpg"), 0.5);
  test::write_text(scan.file(20, ".jpg"), "words");
  test::write_bytes(scan.file(30, ".jpg"), encode_jpeg(picture(80, 48)));
  test::write_text(scan.file(60, ".jpg"), "");
  cut_file(scan.file(70, ".jpg"), 0.5);
  test::write_bytes(scan.file(80, ".jpg"), encode_jpeg(picture(48, 64)));
  fs::remove(scan.file(90, ".jpg"));
  Result r = audit(scan.path, 5);
  for (const auto& [id, text] : {std::pair{0, "00000.jpg"}, {10, "00010.jpg"}, {20, "00020.jpg"}}) {
    CHECK(r.one("color", text).severity == Severity::kError);
    CHECK(r.one("color", text).frames == CheckedIds{id});
  }
  CHECK(r.one("color", "00060.jpg").severity == Severity::kWarning);
  CHECK(r.one("color", "no end marker").frames == CheckedIds{70});
  CHECK(r.one("color", "another size than 64x48").frames == CheckedIds{30, 80});
  CHECK(r.one("color", "but no picture").frames == CheckedIds{90});
  CHECK(r.pictures.decoded == 2);
  CHECK(r.lost == std::vector<std::size_t>{0, 1, 2});

  r = audit(scan.path, 5, true);  // --on-decode-error skip
  INFO(r.text());
  CHECK_FALSE(r.findings.has(Severity::kError));
  CHECK(audit(scan.path, 3, true).findings.has(Severity::kError));  // nothing is left
}

TEST_CASE("pictures that say how the camera was held") {
  const test::TempFolder folder;
  const auto plain = encode_jpeg(picture(64, 48));
  const auto turned = test::jpeg_with_exif(encode_jpeg(picture(48, 64)), test::exif_data(8));
  for (int id = 0; id < 4; ++id)
    test::write_bytes(folder / (std::to_string(id) + ".jpg"), id % 2 == 0 ? plain : turned);
  Result r = audit(folder.path(), 2);  // two are decoded, of two the header is read
  INFO(r.text());
  CHECK(r.one("color", "2 pictures turned upright").frames == CheckedIds{1, 3});
  CHECK(r.one("color", "2 pictures turned upright").severity == Severity::kNote);
  CHECK_FALSE(r.text().find("another size") != std::string::npos);

  const Scan scan(3);  // poses and intrinsics hold for the pixels as stored
  test::write_bytes(scan.file(10, ".jpg"),
                    test::jpeg_with_exif(encode_jpeg(picture()), test::exif_data(6)));
  r = audit(scan.path);
  CHECK(r.one("color", "taken as stored").frames == CheckedIds{10});
  CHECK(r.one("color", "taken as stored").severity == Severity::kWarning);
  CHECK(r.pictures.color == ImageSize{64, 48});
}

TEST_CASE("many broken pictures: the first word for word, the others counted") {
  const Scan scan(9);
  for (int id = 10; id < 90; id += 10) test::write_text(scan.file(id, ".jpg"), "");
  const Result r = audit(scan.path);
  CHECK(r.findings.list().size() == 5);
  CHECK(r.one("color", "4 more").frames == CheckedIds{50, 60, 70, 80});
}

TEST_CASE("depth maps: missing, cut, of other bits, size or unit, without a valid pixel") {
  const Scan scan(12);
  fs::remove(scan.file(10, ".png"));
  cut_file(scan.file(20, ".png"), 0.5);
  test::write_bytes(scan.file(30, ".png"), encode_png(picture()));
  test::write_bytes(scan.file(40, ".png"), encode_png16(depth_map(40, 24)));
  test::write_bytes(scan.file(50, ".png"), encode_png16(ImageU16(32, 24)));
  ImageU16 metres(32, 24);
  for (auto& value : metres.v) value = 3;
  test::write_bytes(scan.file(60, ".png"), encode_png16(metres));
  test::write_bytes(scan.file(90, ".png"), encode_png(picture()));
  cut_file(scan.file(100, ".png"), 0.9);
  test::write_text(scan.file(110, ".png"), "");
  const Result r = audit(scan.path, 8);
  INFO(r.text());
  CHECK_FALSE(r.findings.has(Severity::kError));  // features do not need depth
  CHECK(r.one("depth", "no depth map").frames == CheckedIds{10});
  CHECK(r.one("depth", "00020.png").frames == CheckedIds{20});
  CHECK(r.one("depth", "00030.png").frames == CheckedIds{30});
  CHECK(r.one("depth", "another size than 32x24").frames == CheckedIds{40, 90});
  CHECK(r.one("depth", "all depths are 0").frames == CheckedIds{50});
  CHECK(r.one("depth", "below 100").frames == CheckedIds{60});
  CHECK(r.one("depth", "00090.png").what.find("16-bit") != std::string::npos);
  CHECK(r.one("depth", "00100.png").what.find("cut off") != std::string::npos);
  CHECK(r.one("depth", "00110.png").what.find("empty") != std::string::npos);
  for (int id = 0; id < 120; id += 10) fs::remove(scan.file(id, ".png"));
  CHECK(audit(scan.path).one("depth", "no depth maps").severity == Severity::kNote);
}

TEST_CASE("where depth is needed, a selected frame without it is an error, or left out") {
  const Scan scan(8);
  fs::remove(scan.file(10, ".png"));
  cut_file(scan.file(20, ".png"), 0.5);
  test::write_bytes(scan.file(40, ".png"), encode_png16(depth_map(40, 24)));
  fs::remove(scan.file(70, ".png"));
  const auto look = [&](bool skip) {
    Result r;
    r.source = open_source(scan.path, {}, r.findings);
    r.look_at_frames({0, 1, 2, 3, 4}, {.skip_broken = skip, .need_depth = true});
    return r;
  };
  const Result r = look(false);
  INFO(r.text());
  CHECK(r.findings.count(Severity::kError) == 3);
  const Finding& cut = r.one("depth", "00020.png");
  CHECK(cut.severity == Severity::kError);
  CHECK_THAT(cut.remedy, Catch::Contains("--on-decode-error skip"));
  CHECK(r.one("depth", "another size than 32x24").frames == CheckedIds{40});
  CHECK(r.lost == std::vector<std::size_t>{1, 2, 4});
  const Result left = look(true);
  INFO(left.text());
  CHECK_FALSE(left.findings.has(Severity::kError));
  CHECK(left.lost == std::vector<std::size_t>{1, 2, 4});
}

TEST_CASE("what cannot be opened is one error, not an exception") {
  const test::TempFolder folder;
  test::write_text(folder / "text.mp4", "no video");
  fs::create_directory(folder / "empty");
  for (const fs::path& path :
       {folder / "nowhere", folder / "empty", folder / "text.mp4", fs::path("/")}) {
    const Result r = audit(path);
    INFO(path << "\n" << r.text());
    CHECK(r.findings.count(Severity::kError) == 1);
    CHECK(r.source.frames.empty());
  }
}

namespace {

struct Stream {
  test::TempFolder folder;
  fs::path path = folder / "scan.sens";

  explicit Stream(int frames = 6) {
    SensHeader header;
    header.color_size = {64, 48};
    header.depth_size = {32, 24};
    header.frame_count = static_cast<std::uint64_t>(frames);
    header.intrinsic_color = {60, 0, 32, 0, 0, 60, 24, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    header.intrinsic_depth = {30, 0, 16, 0, 0, 30, 12, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    SensWriter writer(path, header);
    for (int i = 0; i < frames; ++i) {
      std::array<float, 16> pose{1, 0, 0, 0.1F * static_cast<float>(i), 0, 1, 0, 0, 0, 0, 1, 0, 0,
                                 0, 0, 1};
      if (i == 2 || i == 3) pose.fill(-kInf);
      if (i == 5) pose[0] = std::nanf("");
      writer.append(pose, static_cast<std::uint64_t>(i) * 33000, 0, encode_jpeg(picture()),
                    depth_map());
    }
    writer.publish();
  }
};

}  // namespace

TEST_CASE("a .sens: poses by frame, and what a cut one still holds") {
  const Stream stream;
  const Result whole = audit(stream.path);
  INFO(whole.text());
  CHECK(whole.source.dialect == "sens");
  CHECK(whole.source.found == 6);
  CHECK(whole.one("poses", "infinite").frames == CheckedIds{2, 3});
  CHECK(whole.one("poses", "not a number").frames == CheckedIds{5});
  CHECK(whole.findings.list().size() == 2);
  CHECK(whole.pictures.color == ImageSize{64, 48});
  CHECK(*whole.pictures.valid == Approx(2.0 / 3).epsilon(1e-12));

  cut_file(stream.path, 0.6);
  const Result cut = audit(stream.path);
  const Finding& ends = cut.one("frames", "the header states 6 frames, 3 are whole");
  CHECK(ends.severity == Severity::kError);
  CHECK(cut.source.dialect == "sens");
  CHECK(cut.source.frames.empty());
  CHECK_THROWS_WITH(open_source(stream.path), Catch::Contains("3 are whole"));
}

TEST_CASE("a broken picture within a .sens is found") {
  const Stream stream;
  std::uint64_t offset = 0;
  {
    const SensFile file(stream.path);
    offset = file.frames()[1].color_offset;
  }
  std::fstream(stream.path, std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(offset))
      .write("\0\0\0\0", 4);
  const Result r = audit(stream.path);
  CHECK(r.one("color", "frame 1").severity == Severity::kError);
  CHECK(r.pictures.decoded == 2);
}

TEST_CASE("the real kitchen has no fault", "[shared]") {
  const auto data = test::shared_data();
  if (!data) {
    test::note_skip("no shared data");
    return;
  }
  const Result r = audit(*data / "rgbd_kitchen", 4);
  INFO(r.text());
  CHECK(r.findings.list().empty());
  CHECK(r.source.found == 63);
  CHECK(r.pictures.color == ImageSize{640, 480});
}

TEST_CASE("videos: an error where decoding fails, and only there", "[shared]") {
  const auto data = test::shared_data();
  if (!data) {
    test::note_skip("no shared data");
    return;
  }
  int good = 0, bad = 0;
  for (const auto& entry : fs::directory_iterator(*data / "video")) {
    const fs::path& path = entry.path();
    if (path.extension() == ".pt" || path.extension() == ".json") continue;
    bool fails = false;
    try {  // as a run does it
      const SceneSource source = open_source(path);
      std::vector<std::size_t> places(source.frames.size());
      for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
      source.container->pictures(places, [](std::size_t, ImageU8&&) {});
    } catch (const InputError&) {
      fails = true;
    }
    const Result r = audit(path);
    INFO(path << "\n" << r.text());
    CHECK(r.findings.has(Severity::kError) == fails);
    (fails ? bad : good) += 1;
  }
  CHECK(good >= 15);
  CHECK(bad >= 3);
  const fs::path folder = *data / "video";
  const Result broken = audit(folder / "corrupted.mp4");
  CHECK(broken.one("color", "cannot be decoded").frames.front() == 29);
  CHECK(broken.pictures.decoded + std::ssize(broken.lost) == broken.source.found);
  audit(folder / "hlg10-color-test.mp4").one("video", "HDR");
  audit(folder / "h264_10bits.mp4").one("video", "10 bits");
  audit(folder / "video_90.mov").one("video", "applied");
  audit(folder / "sample_android_slow_motion.mp4").one("video", "variable frame rate");
}
