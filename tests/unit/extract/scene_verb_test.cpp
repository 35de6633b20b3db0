#include "extract/scene_verb.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <set>

#include "base/error.h"
#include "extract_samples.h"
#include "geometry/patches.h"
#include "scene/frame.h"
#include "scene/source.h"
#include "store/inspect.h"
#include "store/scene_file.h"
#include "synth/room.h"

using namespace vega;
namespace fs = std::filesystem;

namespace {

using extract::SceneFileOptions;

constexpr const char* kAlign =
    "axisAlignment = 0 -1 0 0.5 1 0 0 -0.25 0 0 1 0.125 0 0 0 1 \nnumDepthFrames = 6\n";
const Pose kAlignment{0, -1, 0, 0.5, 1, 0, 0, -0.25, 0, 0, 1, 0.125, 0, 0, 0, 1};

// Scenes of made-up rooms, and a scan folder with two boxes as objects.
struct Scenes {
  test::TempFolder folder;

  // A copy of a room that is rendered once a program.
  std::string posed(const std::string& name, int frames = 6) const {
    static const test::TempFolder rendered;
    const fs::path room = rendered.path() / std::to_string(frames) / "made";
    if (!fs::exists(room)) {
      SceneOptions options;
      options.folder = room;
      options.frames = frames, options.width = 64, options.height = 48, options.sens = true;
      write_scene(options);
    }
    fs::copy(room, folder / name, fs::copy_options::recursive);
    return (folder / name).string();
  }

  std::string scan() const {
    const fs::path made = posed("made");
    const fs::path scan = folder / "scan0001_00";
    fs::create_directories(scan);
    fs::copy_file(made / "made.sens", scan / "scan0001_00.sens");
    const auto file = [&](const char* suffix) {
      return scan / ("scan0001_00" + std::string(suffix));
    };
    test::write_text(file(".txt"), kAlign);
    // Corners of two boxes in the scan's frame: around the room's middle, and a small one.
    std::string vertices;
    const double boxes[2][6] = {{-9, -9, -1, 9, 9, 1.5}, {0, 0.25, 0, 1, 0.5, 2}};
    for (const auto& b : boxes) {
      for (int c = 0; c < 8; ++c)
        vertices += std::to_string(b[(c & 1) != 0 ? 3 : 0]) + " " +
                    std::to_string(b[(c & 2) != 0 ? 4 : 1]) + " " +
                    std::to_string(b[(c & 4) != 0 ? 5 : 2]) + "\n";
    }
    test::write_text(file("_vh_clean_2.ply"),
                     "ply\nformat ascii 1.0\nelement vertex 16\nproperty float x\nproperty float "
                     "y\nproperty float z\nend_header\n" +
                         vertices);
    test::write_text(file("_vh_clean_2.0.010000.segs.json"),
                     R"({"segIndices": [4,4,4,4,4,4,4,4,7,7,7,7,7,7,7,7]})");
    test::write_text(file(".aggregation.json"),
                     R"({"segGroups": [{"objectId": 1, "label": "chair", "segments": [7]},
                          {"objectId": 0, "label": "floor", "segments": [4]}]})");
    test::write_text(folder / "labels.tsv",
                     "id\traw_category\tcategory\tcount\tnyu40id\n1\tchair\tchair\t9\t5\n"
                     "2\tfloor\tfloor\t9\t2\n3\tcase\tcase\t1\t40\n");
    return scan.string();
  }

  SceneFileOptions options(const std::string& input, const std::string& out = "out") const {
    SceneFileOptions o;
    o.items.inputs = {input};
    o.output.out = (folder / out).string();
    test::set(o, "--select", "stride:1");
    o.run.threads = 2;
    return o;
  }
};

RunResult run_scene_files(const SceneFileOptions& options, test::Manifest* manifest = nullptr) {
  return extract::run_scene(
      options, {ProgressMode::kOff, [&](const std::string& key, const std::string& path) {
                  if (manifest != nullptr) manifest->emplace_back(key, path);
                }});
}

SceneReader run_one(const SceneFileOptions& options) {
  test::Manifest manifest;
  CHECK(run_scene_files(options, &manifest).exit_code == 0);
  REQUIRE(manifest.size() == 1);
  CHECK(verify(manifest[0].second).empty());
  return SceneReader(manifest[0].second);
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), 4 * a.size()) == 0;
}

using Points = std::vector<RoomPoint>;

// Exact points of the pixels of a 64x48 frame that have depth; NaN where they have none.
Points exact_points(const Room& room, const Pose& pose, const std::vector<std::uint16_t>& mm) {
  const RoomIntrinsics camera = Room::intrinsics(64, 48);
  Points out(mm.size(), RoomPoint{NAN, NAN, NAN});
  for (std::size_t p = 0; p < mm.size(); ++p) {
    const double u = static_cast<double>(p % 64), v = static_cast<double>(p / 64);
    if (mm[p] != 0) out[p] = Room::unproject(pose, camera, u, v, room.depth_at(pose, camera, u, v));
  }
  return out;
}

// Points behind a square of the 384x384 pixels that a network sees, those without depth left out.
Points pixels_of(std::size_t top, std::size_t left, std::size_t side, const Points& points) {
  static const auto row = nearest_indices(48, 384), column = nearest_indices(64, 384);
  Points out;
  for (std::size_t y = top; y < top + side; ++y) {
    for (std::size_t x = left; x < left + side; ++x) {
      const auto& point = points[static_cast<std::size_t>(64 * row[y] + column[x])];
      if (!std::isnan(point[0])) out.push_back(point);
    }
  }
  return out;
}

// Points in the object's box grown by `margin` on all sides.
int inside(const Points& points, const RoomObject& object, double margin) {
  return static_cast<int>(std::count_if(points.begin(), points.end(), [&](const RoomPoint& p) {
    bool in = true;
    for (std::size_t k = 0; k < 3; ++k)
      in = in && p[k] >= object.box_min[k] - margin && p[k] <= object.box_max[k] + margin;
    return in;
  }));
}

}  // namespace

TEST_CASE("a posed folder becomes a scene file") {
  const Scenes s;
  const std::string room = s.posed("room");
  const SceneSource source = open_source(room);
  for (const bool reference : {true, false}) {
    auto o = s.options(room, reference ? "a" : "b");
    test::set(o, "--compat", reference ? "reference" : "fixed");
    const SceneReader r = run_one(o);
    const SceneFrames frames = r.frames();
    REQUIRE(frames.id.size() == 6);
    const auto pictures = r.color_jpeg();
    std::vector<float> world, valid;
    for (std::size_t v = 0; v < 6; ++v) {
      const FrameRef& frame = source.frames[v];
      const ImageU16 depth = load_depth(source, frame);
      REQUIRE((r.depth(v) == depth.v));
      REQUIRE(frames.id[v] == frame.id);
      REQUIRE((frames.world_from_cam[v] == *frame.world_from_cam));  // no alignment
      REQUIRE((pictures[v] == color_bytes(source, frame)));
      const auto map = unproject(depth, *source.K_depth, *frame.world_from_cam,
                                 coordinate_grid(depth.size(), CoordinateView::kResize));
      const auto mean =
          average_patches(map, 27, reference ? GeometryType::kBf16 : GeometryType::kF32,
                          reference ? ZeroDepth::kKeep : ZeroDepth::kMask);
      world.insert(world.end(), mean.xyz.begin(), mean.xyz.end());
      valid.insert(valid.end(), mean.valid.begin(), mean.valid.end());
    }
    CHECK(same_bits(r.patches().world14, world));
    CHECK(same_bits(r.patches().valid14, valid));
    CHECK((frames.size_color[0] == std::array<std::int32_t, 2>{48, 64}));
    CHECK(r.patches().view == "mllm");
    CHECK_FALSE(r.has_objects(ObjectKind::kGt));
    CHECK_FALSE(r.has_objects(ObjectKind::kProposal));
  }
}

TEST_CASE("a scan gives aligned poses, objects and the pixels in their boxes") {
  const Scenes s;
  auto o = s.options(s.scan());
  test::set(o, "--candidates", "all");
  o.labels = (s.folder / "labels.tsv").string();
  test::set(o, "--compat", "fixed");
  const SceneReader r = run_one(o);
  CHECK(r.header().key == "scan0001_00");
  CHECK((r.axis_align() == kAlignment));
  const SceneSource source = open_source(o.items.inputs[0]);
  const SceneFrames frames = r.frames();
  REQUIRE(frames.id.size() == source.frames.size());
  CHECK((frames.world_from_cam[2] == multiply(kAlignment, *source.frames[2].world_from_cam)));

  const auto gt = r.objects(ObjectKind::kGt);
  CHECK((gt.id == std::vector<std::int32_t>{0, 1}));
  CHECK((gt.label == std::vector<std::string>{"floor", "chair"}));
  CHECK((gt.nyu40 == std::vector<std::int32_t>{2, 5}));
  // (x, y) to (0.5 - y, x - 0.25), z + 0.125: the chair spans 0..1, 0.25..0.5, 0..2.
  CHECK((gt.box[1] == std::array<float, 6>{0.125F, 0.25F, 1.125F, 0.25F, 1, 2}));
  CHECK((r.objects(ObjectKind::kProposal).box == gt.box));
  CHECK(r.objects(ObjectKind::kProposal).source == "annotation");
  std::size_t inside = 0;
  for (std::size_t n = 0; n < 2; ++n) {
    const auto cells = r.cells(ObjectKind::kGt, n);
    CHECK((r.cells(ObjectKind::kProposal, n) == cells));  // the same boxes
    for (std::size_t v = 0; v < frames.id.size(); ++v) {
      const ImageU16 depth = load_depth(source, source.frames[v]);
      const auto map = unproject(depth, *source.K_depth, frames.world_from_cam[v],
                                 coordinate_grid(depth.size(), CoordinateView::kResize));
      const auto counts =
          box_counts(map, {&gt.box[n], 1}, 14, GeometryType::kF32, ZeroDepth::kMask);
      for (std::size_t c = 0; c < 729; ++c) {
        REQUIRE(cells[v * 729 + c] == counts[c]);
        inside += counts[c];
      }
    }
  }
  CHECK(inside > 0);

  SECTION("boxes of a list are the proposals") {
    test::write_text(s.folder / "boxes.json",
                     R"({"scannet/other": [], "scannet/scan0001_00": [[1, 2, 3, 4, 5, 6]]})");
    o.boxes = (s.folder / "boxes.json").string();
    CHECK_THROWS_AS(run_scene_files(o), RefusedError);  // another kind of proposals
    o.output.overwrite = true;
    const auto proposals = run_one(o).objects(ObjectKind::kProposal);
    CHECK((proposals.box == std::vector<std::array<float, 6>>{{1, 2, 3, 4, 5, 6}}));
    CHECK((proposals.id == std::vector<std::int32_t>{0}));
    CHECK(std::isnan(proposals.score[0]));
    test::write_text(s.folder / "boxes.json", R"({"scannet/other": []})");
    CHECK_THROWS_AS(run_scene_files(o), InputError);
  }
  SECTION("a frame list gives frames, alignment and intrinsics") {
    test::write_text(s.folder / "list.json", R"({"data_list": [{"sample_idx": "scannet/scan0001_00",
      "axis_align_matrix": [[1,0,0,2],[0,1,0,0],[0,0,1,0],[0,0,0,1]],
      "depth_cam2img": [[50,0,30,0],[0,51,20,0],[0,0,1,0],[0,0,0,1]],
      "images": [{"img_path": "scannet/posed_images/scan0001_00/00004.jpg"},
                 {"img_path": "scannet/posed_images/scan0001_00/00001.jpg"}]}]})");
    o.frame_list = (s.folder / "list.json").string();
    o.candidates.reset();
    o.output.out = (s.folder / "listed").string();
    const SceneReader listed = run_one(o);
    CHECK((listed.frames().id == std::vector<std::int64_t>{4, 1}));
    CHECK((listed.axis_align()[3] == 2));
    CHECK((listed.frames().K_depth[0] == Intrinsics{50, 0, 30, 0, 51, 20, 0, 0, 1}));
  }
  SECTION("faults in the annotation fail the scene") {
    const fs::path scan(o.items.inputs[0]);
    o.output.overwrite = true;
    SECTION("truncated mesh") {
      const auto ply = scan / "scan0001_00_vh_clean_2.ply";
      fs::resize_file(ply, fs::file_size(ply) / 2);
    }
    SECTION("a mesh that is gone") { fs::remove(scan / "scan0001_00_vh_clean_2.ply"); }
    SECTION("broken segments") {
      test::write_text(scan / "scan0001_00_vh_clean_2.0.010000.segs.json", R"({"segIndices": [4,)");
    }
    SECTION("an alignment that is none") {
      test::write_text(scan / "scan0001_00.txt", "axisAlignment = 1 2 3\n");
    }
    CHECK_THROWS_AS(run_scene_files(o), InputError);
    CHECK(r.frame_count() == 6);  // the old file stands
  }
}

TEST_CASE("objects of a made-up scan are the room's") {
  const Scenes s;
  SceneOptions made;
  made.folder = s.folder / "room";
  made.frames = 4, made.width = 64, made.height = 48, made.scan = true;
  write_scene(made);
  auto o = s.options(made.folder.string());
  test::set(o, "--candidates", "all");
  test::set(o, "--compat", "fixed");
  const SceneReader r = run_one(o);
  const Room room(made.seed);
  const auto gt = r.objects(ObjectKind::kGt);
  REQUIRE(gt.id.size() == room.objects().size());
  for (std::size_t n = 0; n < gt.id.size(); ++n) {
    const auto& truth = room.objects()[n];
    REQUIRE(gt.id[n] == truth.id);
    CHECK(gt.label[n] == truth.label);
    CHECK(gt.nyu40[n] > 0);
    // Vertices are within 1e-6 m of the room's (synth/scan.h); then sums and halves in float32.
    for (std::size_t k = 0; k < 3; ++k) {
      const double centre = (truth.box_min[k] + truth.box_max[k]) / 2;
      CHECK(std::fabs(gt.box[n][k] - centre) <= 2e-6);
      CHECK(std::fabs(gt.box[n][3 + k] - (truth.box_max[k] - truth.box_min[k])) <= 4e-6);
    }
  }
  const auto proposals = r.objects(ObjectKind::kProposal);
  CHECK(proposals.source == "masks");
  CHECK(proposals.id.size() > 3);

  // Coordinates and pixels in boxes against exact ones. Depth is rounded to millimetres (0.5 mm
  // along the axis, under 0.75 mm in the corners), poses and boxes to float32.
  constexpr double kNear = 1e-3;
  const auto world = r.patches().world14, valid = r.patches().valid14;
  const auto poses = room.walk(4);
  std::size_t tokens = 0, counted = 0;
  for (std::size_t v = 0; v < 4; ++v) {
    const auto truth = exact_points(room, poses[v], r.depth(v));
    for (std::size_t t = 0; t < 196; ++t) {
      const auto pixels = pixels_of(t / 14 * 27, t % 14 * 27, 27, truth);
      REQUIRE(valid[v * 196 + t] == static_cast<float>(pixels.size()) / 729.0F);
      for (std::size_t k = 0; k < 3 && !pixels.empty(); ++k) {
        double mean = 0;
        for (const auto& p : pixels) mean += p[k] / static_cast<double>(pixels.size());
        REQUIRE(std::fabs(world[(v * 196 + t) * 3 + k] - mean) <= kNear);
        ++tokens;
      }
    }
    for (std::size_t n = 0; n < gt.id.size(); ++n) {
      const auto cells = r.cells(ObjectKind::kGt, n);
      for (std::size_t c = 0; c < 729; ++c) {
        const auto pixels = pixels_of(c / 27 * 14, c % 27 * 14, 14, truth);
        const int got = cells[v * 729 + c];
        REQUIRE(inside(pixels, room.objects()[n], -kNear) <= got);
        REQUIRE(inside(pixels, room.objects()[n], kNear) >= got);
        counted += static_cast<std::size_t>(got);
      }
    }
  }
  CHECK(tokens > 1000);
  CHECK(counted > 100000);
}

TEST_CASE("rerunning skips, other options are refused") {
  const Scenes s;
  auto o = s.options(s.posed("room"));
  o.run.report = (s.folder / "report.json").string();
  CHECK(run_scene_files(o).done == 1);
  CHECK(run_scene_files(o).complete == 1);
  auto other = o;
  SECTION("geometry") { test::set(other, "--geometry", "fp32"); }
  SECTION("zero depth") { test::set(other, "--zero-depth", "mask"); }
  SECTION("pictures") { other.no_color = true; }
  SECTION("view") { test::set(other, "--view", "center_crop"); }
  SECTION("frames") { test::set(other, "--select", "stride:2"); }
  CHECK_THROWS_AS(run_scene_files(other), RefusedError);
  other.output.overwrite = true;
  const SceneReader again = run_one(other);
  CHECK(again.has_color() == !other.no_color);
  CHECK(again.patches().view == name_of(other.view.value_or(View::kMllm)));
}

TEST_CASE("the same frames have the same key however they were chosen") {
  const Scenes s;
  const std::string room = s.posed("room", 40);
  auto o = s.options(room, "mc");
  test::set(o, "--select", "mc");
  const SceneReader mc = run_one(o);
  const auto ids = mc.frames().id;
  CHECK(ids.size() == 32);  // of 40 candidates: every second one would be fewer than 32
  CHECK(std::is_sorted(ids.begin(), ids.end()));
  test::set(o, "--select", "frames:" + o.output.out);
  o.output.out = (s.folder / "again").string();
  CHECK(run_one(o).header().cache_key == mc.header().cache_key);
  test::set(o, "--select", "mc-ratio90");
  o.output.out = (s.folder / "less").string();
  const auto fewer = run_one(o).frames().id;
  CHECK(fewer.size() < ids.size());
  const std::set<std::int64_t> all(ids.begin(), ids.end());
  CHECK(std::all_of(fewer.begin(), fewer.end(), [&](auto id) { return all.count(id) == 1; }));
}

TEST_CASE("a dry run tells what is wrong and writes nothing") {
  const Scenes s;
  auto o = s.options(s.scan());
  test::set(o, "--candidates", "all");
  o.items.inputs.push_back(s.posed("room"));
  o.items.inputs.push_back(s.posed("lost"));
  fs::remove(s.folder / "lost/00003.png");
  o.run.report = (s.folder / "audit.json").string();
  o.run.dry_run = true;
  std::string table;
  const auto look = [&] {
    return extract::run_scene(
        o, {ProgressMode::kOff, [](const auto&, const auto&) { FAIL("a manifest line"); },
            [&](const std::string& text) { table = text; }});
  };
  CHECK(look().exit_code == 4);
  CHECK(look().failed == 1);
  INFO(table);
  CHECK(table.find("1 of 3 fail") != std::string::npos);
  CHECK(table.find("frame 3") != std::string::npos);
  CHECK(test::read_text(o.run.report).find("\"vega.report/1\"") != std::string::npos);
  CHECK_FALSE(fs::exists(o.output.out));
  o.items.inputs.pop_back();
  CHECK(look().exit_code == 0);
  o.run.dry_run = false, o.run.report.clear();
  CHECK(run_scene_files(o).done == 2);
  o.run.dry_run = true;
  CHECK(look().complete == 2);
  CHECK(table.find("complete") != std::string::npos);
  test::set(o, "--compat", "fixed");
  CHECK(look().failed == 2);
  CHECK(table.find("geometry: file has bf16, asked fp32") != std::string::npos);
}

TEST_CASE("scenes without depth, and options without meaning") {
  const Scenes s;
  const std::string room = s.posed("room");
  auto o = s.options(room);
  SECTION("no depth") {
    for (const auto& entry : fs::directory_iterator(room)) {
      if (entry.path().extension() == ".png") fs::remove(entry.path());
    }
    CHECK_THROWS_AS(run_scene_files(o), InputError);
  }
  SECTION("no depth camera") {
    fs::remove(fs::path(room) / "depth_intrinsic.txt");
    CHECK_THROWS_AS(run_scene_files(o), InputError);
  }
  SECTION("one depth map is lost") {
    fs::remove(fs::path(room) / "00003.png");
    CHECK_THROWS_AS(run_scene_files(o), InputError);
  }
  SECTION("proposals without a source") {
    test::set(o, "--proposals", "gt");
    CHECK_THROWS_AS(run_scene_files(o), InputError);
    test::set(o, "--proposals", "masks");
    CHECK_THROWS_AS(run_scene_files(o), InputError);
  }
  SECTION("options") {
    for (const auto& [name, value] : {std::pair{"--select", "mc-ratio80"},
                                      {"--geometry", "fp16"},
                                      {"--zero-depth", "drop"},
                                      {"--view", "native"},
                                      {"--threads", "-1"}})
      CHECK_THROWS_AS(test::set(o, name, value), UsageError);
    test::set(o, "--proposals", "boxes");
    CHECK_THROWS_AS(run_scene_files(o), UsageError);
  }
  CHECK_FALSE(fs::exists(s.folder / "out/room.h5"));
}
