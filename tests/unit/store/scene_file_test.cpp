#include "store/scene_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "store/cache_key.h"
#include "store/decide.h"
#include "store/inspect.h"
#include "store_samples.h"
#include "support/support.h"
#include "support/write_scene.h"

using namespace vega;
using namespace vega::test;

namespace {

SceneObjects sample_objects(std::size_t count, std::size_t frames) {
  SceneObjects o;
  o.source = "annotation";
  for (std::size_t n = 0; n < count; ++n) {
    o.id.push_back(static_cast<std::int32_t>(3 * n));
    o.label.push_back(n == 0 ? "" : "Küchentisch");
    o.nyu40.push_back(static_cast<std::int32_t>(n));
    o.score.push_back(n == 0 ? std::numeric_limits<float>::quiet_NaN() : 0.5F);
    o.box.push_back({1.5F, 0, 2, 1, float(n), 1});
  }
  o.cells.resize(count * frames * 729);
  for (std::size_t i = 0; i < o.cells.size(); ++i) o.cells[i] = static_cast<std::uint8_t>(i % 197);
  return o;
}

SceneFile sample_scene(bool color = true) {
  SceneFile s;
  s.header = sample_header();
  s.header.default_tap.clear();
  s.header.cache_key = cache_key(kSceneSchema, s.header.options_json, "", "i1");
  s.header.model_fp.clear();
  const auto table = sample_frames(true);
  s.frames.id = table.id, s.frames.time_s = table.time_s;
  s.frames.world_from_cam = table.world_from_cam;
  s.frames.K_color = s.frames.K_depth = table.K_color;
  s.frames.size_color = table.size_color;
  s.frames.depth_height = 4, s.frames.depth_width = 5;
  for (int i = 0; i < 3 * 20; ++i) s.frames.depth.push_back(static_cast<std::uint16_t>(1000 + i));
  if (color) s.frames.color_jpeg = table.thumb_jpeg;
  for (int i = 0; i < 16; ++i) s.axis_align[i] = 0.5 * i;
  s.patches.view = "mllm";
  s.patches.world14.assign(3 * 196 * 3, 0.25F);
  s.patches.world14[5] = std::numeric_limits<float>::quiet_NaN();
  s.patches.valid14.assign(3 * 196, 1.0F);
  s.has_gt = s.has_proposals = true;
  s.gt = sample_objects(2, 3);
  s.proposals = sample_objects(0, 3);
  return s;
}

}  // namespace

TEST_CASE("a scene file gives back what was put in") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  const SceneFile s = sample_scene();
  write_scene_file(path, s);
  CHECK(verify(path).empty());
  const SceneReader r(path);
  CHECK(r.header().key == s.header.key);
  CHECK(r.frame_count() == 3);
  const auto frames = r.frames();
  CHECK(frames.id == s.frames.id);
  CHECK(frames.time_s == s.frames.time_s);
  CHECK(frames.world_from_cam == s.frames.world_from_cam);
  CHECK(frames.K_depth == s.frames.K_depth);
  CHECK(frames.size_color == s.frames.size_color);
  CHECK(frames.depth_height == 4);
  CHECK(frames.depth_width == 5);
  CHECK(r.depth(1).front() == 1020);
  CHECK(r.depth(2).back() == 1059);
  CHECK(r.color_jpeg() == s.frames.color_jpeg);
  CHECK(r.axis_align() == s.axis_align);
  CHECK(r.patches().view == "mllm");
  CHECK(std::isnan(r.patches().world14[5]));
  CHECK(r.patches().valid14 == s.patches.valid14);
  const auto gt = r.objects(ObjectKind::kGt);
  CHECK(gt.id == s.gt.id);
  CHECK(gt.label == s.gt.label);
  CHECK(gt.nyu40 == s.gt.nyu40);
  CHECK(gt.box == s.gt.box);
  CHECK(gt.source == "annotation");
  CHECK(std::isnan(gt.score[0]));
  const auto cells = r.cells(ObjectKind::kGt, 1);
  CHECK(std::equal(cells.begin(), cells.end(), s.gt.cells.begin() + 3 * 729));
  CHECK(r.objects(ObjectKind::kProposal).id.empty());
  CHECK_THROWS_AS(r.cells(ObjectKind::kGt, 2), InputError);
  CHECK_THROWS_AS(r.depth(3), InputError);
  CHECK(read_frame_ids(path) == s.frames.id);
  CHECK(inspect(path).find("/objects/gt/cells") != std::string::npos);
}

TEST_CASE("scene files without pictures and objects; keys decide") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  SceneFile s = sample_scene(false);
  s.has_gt = s.has_proposals = false;
  CHECK(decide(path, kSceneSchema, s.header, false).decision == Decision::kCompute);
  write_scene_file(path, s);
  const SceneReader r(path);
  CHECK_FALSE(r.has_color());
  CHECK_FALSE(r.has_objects(ObjectKind::kGt));
  CHECK_THROWS_AS(r.color_jpeg(), InputError);
  CHECK_THROWS_AS(r.objects(ObjectKind::kGt), InputError);
  CHECK(decide(path, kSceneSchema, s.header, false).decision == Decision::kSkip);
  FileHeader other = s.header;
  other.cache_key = "0";
  CHECK_THROWS_AS(decide(path, kSceneSchema, other, false), RefusedError);
}

TEST_CASE("what does not fit together is refused, and nothing is left") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  SceneFile s = sample_scene();
  SECTION("depth") { s.frames.depth.pop_back(); }
  SECTION("poses") { s.frames.world_from_cam.pop_back(); }
  SECTION("pictures") { s.frames.color_jpeg.pop_back(); }
  SECTION("patches") { s.patches.world14.pop_back(); }
  SECTION("cells") { s.gt.cells.pop_back(); }
  SECTION("labels") { s.proposals.label.push_back("x"); }
  SECTION("no frames") { s.frames = {}; }
  CHECK_THROWS_AS(write_scene_file(path, s), InputError);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a damaged scene file is found out") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  write_scene_file(path, sample_scene());
  auto bytes = read_bytes(path);
  SECTION("truncated") { bytes.resize(bytes.size() / 2); }
  SECTION("a byte of the depth") {
    const std::vector<std::byte> row{std::byte{0xfc}, std::byte{0x03}, std::byte{0xfd},
                                     std::byte{0x03}};  // 1020, 1021: the second frame
    const auto at = std::search(bytes.begin(), bytes.end(), row.begin(), row.end());
    REQUIRE(at != bytes.end());
    *at ^= std::byte{1};
  }
  write_bytes(path, bytes);
  CHECK_FALSE(verify(path).empty());
}
