// What belongs to a scene beside its frames, and what is said of it; frames that cannot be read.
#include "extract/scene_input.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "base/error.h"
#include "extract/scene_verb.h"
#include "extract_samples.h"
#include "media/png.h"
#include "store/scene_file.h"
#include "support/options.h"
#include "synth/scene.h"

using namespace vega;
using namespace vega::extract;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

// A complete made-up scan: frames, stream, mesh, annotation, masks.
fs::path make_scan(const test::TempFolder& folder, const std::string& name) {
  SceneOptions made;
  made.folder = folder / name;
  made.frames = 4, made.width = 64, made.height = 48, made.scan = true;
  write_scene(made);
  return made.folder;
}

SceneFileOptions options_for(const fs::path& input, const test::TempFolder& folder) {
  SceneFileOptions o;
  o.items.inputs = {input.string()};
  o.output.out = (folder / "out").string();
  test::set(o, "--select", "stride:1"), test::set(o, "--candidates", "all");
  o.run.threads = 2;
  return o;
}

SceneInput open(const fs::path& input, const SceneFileOptions& o, Findings& findings) {
  return open_scene({input.filename().string(), input}, resolve_scene(o), findings);
}

std::string text_of(const Findings& findings) {
  std::string out;
  for (const Finding& f : findings.list())
    out += std::string(name_of(f.severity)) + " " + f.topic + ": " + f.line() + "\n";
  return out;
}

}  // namespace

TEST_CASE("a scan under another name has its objects, alignment and masks") {
  const test::TempFolder folder;
  const fs::path whole = make_scan(folder, "scene0000_00"), copy = folder / "my_copy";
  fs::copy(whole, copy, fs::copy_options::recursive);
  const auto o = options_for(copy, folder);
  Findings own, other;
  const SceneInput a = open(whole, o, own), b = open(copy, o, other);
  INFO(text_of(own));
  CHECK_FALSE(own.has(Severity::kWarning));  // and no file that nobody reads:
  CHECK_THAT(text_of(own), !Contains("not read"));
  REQUIRE(b.gt);
  CHECK((b.gt->box == a.gt->box));
  CHECK(b.alignment == "text");
  CHECK((b.axis_align == a.axis_align));
  REQUIRE(b.proposals);
  CHECK(b.proposals->source == "masks");
  CHECK_THAT(text_of(other), Contains("files: ") && Contains("scene0000_00"));
  // Only the stream and the annotation, as in ScanNet's scans/.
  for (const auto& entry : fs::directory_iterator(copy)) {
    if (!entry.path().filename().string().starts_with("scene0000_00")) fs::remove(entry.path());
  }
  Findings stream;
  const SceneInput c = open(copy, o, stream);
  CHECK(c.source.dialect == "sens");
  CHECK((c.gt->box == a.gt->box));
}

TEST_CASE("what is missing beside the frames is said, in a run as in a dry run") {
  const test::TempFolder folder;
  const fs::path whole = make_scan(folder, "scene0000_00");
  const auto o = options_for(whole, folder);
  const fs::path text = whole / "scene0000_00.txt";
  const auto said = [&](Findings::AtError at_error) {
    Findings findings(at_error);
    open(whole, o, findings);
    return text_of(findings);
  };
  test::write_text(text, "sceneType = Kitchen\n");
  CHECK_THAT(said(Findings::AtError::kThrow), Contains("warning alignment") &&
                                                  Contains("no line") &&
                                                  Contains("object boxes stay unaligned"));
  fs::remove(text);
  CHECK_THAT(said(Findings::AtError::kThrow),
             Contains("warning alignment") && Contains("no scene0000_00.txt"));
  CHECK_THAT(said(Findings::AtError::kCollect), Contains("no scene0000_00.txt"));
  test::write_text(whole / "scene0000_00.TXT", "axisAlignment = 1 2 3\n");
  CHECK_THAT(said(Findings::AtError::kCollect),
             Contains("warning files") && Contains("not read: scene0000_00.TXT"));
  fs::remove(whole / "scene0000_00.TXT");
  test::write_text(text, "axisAlignment = 1 2 3\n");
  CHECK_THROWS_WITH(said(Findings::AtError::kThrow), Contains("3 numbers"));
  CHECK_THAT(said(Findings::AtError::kCollect), Contains("error alignment"));

  // Features do not need the alignment.
  const fs::path stream = whole / "scene0000_00.sens";
  const auto features = [&](const std::string& line) {
    test::write_text(text, line + "\n");
    Findings findings;
    check_alignment(open_source(stream), findings);
    return text_of(findings);
  };
  CHECK_THAT(features("axisAlignment = 1 2 3"), Contains("warning alignment"));
  CHECK_THAT(features("axisAlignment = 2 0 0 0 0 2 0 0 0 0 2 0 0 0 0 1"),
             Contains("warning alignment") && Contains("orthonormal"));
  const std::string eye = "axisAlignment = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n";
  CHECK(features("\xef\xbb\xbf" + eye + "numColorFrames = 4").empty());
  CHECK_THAT(features(eye + "numColorFrames = 7"),
             Contains("warning frames") && Contains("numColorFrames is 7, the scan has 4"));
}

TEST_CASE("what stands in for a file of a scan is called by its name") {
  const test::TempFolder folder;
  const fs::path whole = make_scan(folder, "scene0000_00");
  auto o = options_for(whole, folder);
  const auto check = [&](const std::string& changed) {
    INFO(changed);
    const fs::path path = whole / changed;
    const auto bytes = test::read_bytes(path);
    for (const auto& [text, name] :
         {std::pair{"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
                    "a Git LFS pointer"},
          {"<!DOCTYPE html><html>login</html>\n", "a web page"},
          {"", changed.ends_with(".txt") ? "" : "an empty file"}}) {
      test::write_text(path, text);
      Findings findings(Findings::AtError::kThrow);
      CHECK_THROWS_WITH(open(whole, o, findings), Contains(changed) && Contains(name));
    }
    test::write_bytes(path, bytes);
  };
  for (const char* name :
       {"scene0000_00.txt", "scene0000_00_vh_clean_2.ply",
        "scene0000_00_vh_clean_2.0.010000.segs.json", "scene0000_00.aggregation.json",
        "scene0000_00.mask.npz", "00001.txt", "depth_intrinsic.txt"})
    check(name);
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
  test::write_text(folder / "pointer", pointer);
  for (const char* option : {"--labels", "--boxes", "--frame-list", "--masks"}) {
    INFO(option);
    auto given = o;
    test::set(given, option, (folder / "pointer").string());
    Findings findings(Findings::AtError::kThrow);
    CHECK_THROWS_WITH(open(whole, given, findings), Contains("a Git LFS pointer"));
  }
}

TEST_CASE("a picture that only decoding shows to be broken is not stored") {
  const test::TempFolder folder;
  const fs::path room = make_scan(folder, "scene0000_00");
  auto o = options_for(room, folder);
  test::set(o, "--proposals", "none");
  const fs::path picture = room / "00001.jpg";
  auto bytes = test::read_bytes(picture);
  const std::size_t half = bytes.size() / 2;
  SECTION("cut in half") { bytes.resize(half); }
  SECTION("with a tail of zeros") {
    std::fill(bytes.begin() + std::ptrdiff_t(half), bytes.end(), std::byte{});
  }
  SECTION("cut in half, with its end marker") {
    bytes.resize(half);
    bytes.insert(bytes.end(), {std::byte{0xff}, std::byte{0xd9}});
  }
  test::write_bytes(picture, bytes);
  const auto run = [&] {
    return run_scene(o, {ProgressMode::kOff, [](const auto&, const auto&) {}}).exit_code;
  };
  CHECK_THROWS_WITH(run(), Contains("00001.jpg") && Contains("--on-decode-error skip"));
  CHECK_FALSE(fs::exists(folder / "out/scene0000_00.h5"));
  test::set(o, "--on-decode-error", "skip");
  CHECK(run() == 0);
  const SceneReader left(folder / "out/scene0000_00.h5");
  CHECK(left.frames().id == std::vector<std::int64_t>{0, 2, 3});
}

TEST_CASE("a frame whose depth cannot be used: blamed by name, with a way out, or left out") {
  const test::TempFolder folder;
  const fs::path room = make_scan(folder, "scene0000_00");
  auto o = options_for(room, folder);
  test::set(o, "--proposals", "none");
  const auto run = [&] {
    return run_scene(o, {ProgressMode::kOff, [](const auto&, const auto&) {}}).exit_code;
  };
  const auto depth = room / "00000.png";
  std::string fault = "cut off";
  SECTION("cut off") {
    const auto bytes = test::read_bytes(depth);
    test::write_bytes(depth, std::span(bytes).first(bytes.size() / 2));
    CHECK_THROWS_WITH(run(), Contains("00000.png") && Contains("--on-decode-error skip"));
  }
  SECTION("of another size") {
    test::write_bytes(depth, encode_png16(ImageU16(32, 24)));
    CHECK_THROWS_WITH(run(), Contains("another size than 64x48, as most are (the first: ") &&
                                 Contains("00000.png, 32x24)") &&
                                 Contains("--on-decode-error skip"));
  }
  SECTION("missing") {
    fs::remove(depth);
    CHECK_THROWS_WITH(run(), Contains("frame 0 without depth"));
  }
  test::set(o, "--on-decode-error", "skip");
  CHECK(run() == 0);
  const SceneReader left(folder / "out/scene0000_00.h5");
  CHECK(left.frames().id == std::vector<std::int64_t>{1, 2, 3});
  CHECK(left.header().provenance.at("left_out_undecodable") == "1");
  o.run.dry_run = true;
  std::string table;
  CHECK(run_scene(o, {ProgressMode::kOff, [](const auto&, const auto&) {},
                      [&](const std::string& text) { table = text; }})
            .complete == 1);
  CHECK_THAT(table, Contains("3 of 4") && Contains("complete"));
}
