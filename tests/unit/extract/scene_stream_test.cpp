// Scene files of many frames in bounded memory; switches that were named for each repair.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "extract/scene_verb.h"
#include "extract_samples.h"
#include "geometry/patches.h"
#include "media/jpeg.h"
#include "media/png.h"
#include "media/sens.h"
#include "store/inspect.h"
#include "store/scene_file.h"
#include "synth/scene.h"

using namespace vega;
namespace fs = std::filesystem;

namespace {

using extract::SceneFileOptions;

// A field of /proc/self/status in bytes.
double status_of(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return 1024 * std::stod(line.substr(field.size() + 1));
  }
  FAIL("no " << field);
  return 0;
}

void text(const fs::path& path, const std::string& content) { test::write_text(path, content); }

// Posed frames that all have the same picture and depth map (hard links), along a line.
void write_frames(const fs::path& folder, int count, const ImageU16& depth) {
  fs::create_directories(folder);
  ImageU8 color(16, 16);
  test::write_bytes(folder / "picture", encode_jpeg(color, 90, false));
  test::write_bytes(folder / "depth", encode_png16(depth));
  for (int i = 0; i < count; ++i) {
    char name[16];
    std::snprintf(name, sizeof name, "%05d", i);
    const std::string stem = (folder / name).string();
    fs::create_hard_link(folder / "picture", stem + ".jpg");
    fs::create_hard_link(folder / "depth", stem + ".png");
    text(stem + ".txt", "1 0 0 " + std::to_string(i / 64.0) + "\n0 1 0 0\n0 0 1 0\n0 0 0 1\n");
  }
  fs::remove(folder / "picture");
  fs::remove(folder / "depth");
  for (const char* camera : {"intrinsic.txt", "depth_intrinsic.txt"})
    text(folder / camera, "300 0 200 0\n0 300 150 0\n0 0 1 0\n0 0 0 1\n");
}

SceneFileOptions options_of(const fs::path& input, const fs::path& out) {
  SceneFileOptions o;
  o.items.inputs = {input.string()};
  o.output.out = out.string();
  test::set(o, "--select", "stride:1");
  o.run.threads = 2;
  return o;
}

RunResult run(const SceneFileOptions& o, std::string* table = nullptr) {
  return extract::run_scene(o, {ProgressMode::kOff, [](const auto&, const auto&) {},
                                [&](const std::string& printed) {
                                  if (table != nullptr) *table = printed;
                                }});
}

nlohmann::json options_in(const fs::path& file) {
  return nlohmann::json::parse(SceneReader(file).header().options_json);
}

// A made-up scan of two frames; `edit` changes its aggregation.
template <typename Edit>
fs::path made_scan(const fs::path& folder, Edit edit) {
  SceneOptions made;
  made.folder = folder / "scan0001_00";
  made.frames = 2, made.width = 64, made.height = 48, made.scan = true;
  write_scene(made);
  const fs::path file = made.folder / "scan0001_00.aggregation.json";
  auto json = nlohmann::json::parse(test::read_text(file));
  edit(json["segGroups"]);
  text(file, json.dump());
  return made.folder;
}

}  // namespace

TEST_CASE("a scene of 600 frames is never whole in memory") {
  constexpr int kFrames = 600, kObjects = 20;  // their cells: more than are counted at a time
  const test::TempFolder temp;
  ImageU16 depth(400, 300);
  for (std::size_t p = 0; p < depth.v.size(); ++p)
    depth.v[p] = static_cast<std::uint16_t>(1000 + 5 * (p % 400));
  write_frames(temp / "long", kFrames, depth);
  std::string boxes;
  for (int n = 0; n < kObjects; ++n)
    boxes += (n > 0 ? ",[" : "[") + std::to_string(n / 2.0) + ",0,2,1,1,2]";
  text(temp / "boxes.json", "{\"scannet/long\": [" + boxes + "]}");
  auto o = options_of(temp / "long", temp / "out");
  test::set(o, "--compat", "fixed");
  o.boxes = (temp / "boxes.json").string();
  std::ofstream("/proc/self/clear_refs") << "5";  // forgets the highest memory so far
  const double before = status_of("VmRSS");
  CHECK(run(o).done == 1);
  const double grown = status_of("VmHWM") - before, whole = 2.0 * 400 * 300 * kFrames;
  INFO(grown / 1e6 << " MB of " << whole / 1e6);
#if !defined(__SANITIZE_ADDRESS__)
  // 32 MiB of frames are kept, 8 MiB of cells; the rest is room for threads and the allocator.
  CHECK(grown < 100e6);
#else
  test::note_skip("the memory of a long scene: AddressSanitizer has its own");
#endif

  CHECK(verify(temp / "out/long.h5").empty());
  const SceneReader r(temp / "out/long.h5");
  REQUIRE(r.frame_count() == kFrames);
  const auto frames = r.frames();
  const auto objects = r.objects(ObjectKind::kProposal);
  REQUIRE(objects.id.size() == kObjects);
  CHECK((r.color_jpeg(599) == r.color_jpeg()[599]));
  std::size_t pixels = 0;
  for (std::size_t n = 0; n < kObjects; ++n) {
    const auto cells = r.cells(ObjectKind::kProposal, n);
    for (const std::size_t v : {std::size_t{0}, std::size_t{301}, std::size_t{599}}) {
      REQUIRE((r.depth(v) == depth.v));
      const auto map = unproject(depth, frames.K_depth[v], frames.world_from_cam[v],
                                 coordinate_grid(depth.size(), CoordinateView::kResize));
      const auto want =
          box_counts(map, {&objects.box[n], 1}, kPatch14, GeometryType::kF32, ZeroDepth::kMask);
      REQUIRE(std::equal(want.begin(), want.end(), &cells[v * 729]));
      for (const auto count : want) pixels += count;
    }
  }
  CHECK(pixels > 10000);
  CHECK(run(o).complete == 1);
}

TEST_CASE("objects whose ids have gaps: dropped as released, or kept") {
  const test::TempFolder temp;
  const fs::path scan = made_scan(temp.path(), [](nlohmann::json& groups) { groups.erase(3); });
  auto o = options_of(scan, temp / "out");
  test::set(o, "--candidates", "all");
  test::set(o, "--proposals", "gt");
  const fs::path file = temp / "out/scan0001_00.h5";
  CHECK_THROWS_WITH(run(o), Catch::Contains("the first gap: 3") && Catch::Contains("--id-gaps"));
  CHECK_FALSE(fs::exists(file));
  std::string table;
  o.run.dry_run = true;
  CHECK(run(o, &table).failed == 1);
  CHECK(table.find("the first gap: 3") != table.npos);
  o.run.dry_run = false;
  SECTION("by name") { test::set(o, "--id-gaps", "keep"); }
  SECTION("repaired") { test::set(o, "--compat", "fixed"); }
  CHECK(run(o).done == 1);
  CHECK(options_in(file)["id_gaps"] == "keep");
  const auto ids = SceneReader(file).objects(ObjectKind::kProposal).id;
  CHECK((ids[2] == 2 && ids[3] == 4));
  // Proposals of another kind do not need them.
  test::set(o, "--compat", "reference"), o.id_gaps.reset(), test::set(o, "--proposals", "masks"),
      o.output.overwrite = true;
  CHECK(run(o).done == 1);
  CHECK_FALSE(options_in(file).contains("id_gaps"));
}

TEST_CASE("poses of a stream with the six decimals of the release's posed images") {
  const test::TempFolder temp;
  const fs::path scan = made_scan(temp.path(), [](nlohmann::json&) {});
  auto o = options_of(scan / "scan0001_00.sens", temp / "out");
  test::set(o, "--candidates", "all");
  const fs::path file = temp / "out/scan0001_00.h5";
  const SensFile stream(scan / "scan0001_00.sens");
  for (const bool printed : {true, false}) {
    test::set(o, "--poses", printed ? "" : "recorded");
    o.output.overwrite = !printed;
    CHECK(run(o).done == 1);
    const SceneReader r(file);
    Pose want{};
    for (std::size_t i = 0; i < 16; ++i) {
      const double value = stream.frames()[1].world_from_cam[i];
      want[i] = printed ? std::stod(std::to_string(value)) : value;
    }
    CHECK((r.frames().world_from_cam[1] == multiply(r.axis_align(), want)));
    CHECK(options_in(file).contains("poses") == printed);
    CHECK(r.header().provenance.at("switches").find(printed ? "poses printed" : "poses recorded") !=
          std::string::npos);
  }
  // A folder has the digits that it has: no such option.
  o.items.inputs = {scan.string()}, o.poses.reset();
  CHECK(run(o).done == 1);
  CHECK_FALSE(options_in(file).contains("poses"));
  CHECK_THROWS_AS(test::set(o, "--poses", "rounded"), UsageError);
}

TEST_CASE("the depth shift of a stream's header counts where it is asked for") {
  const test::TempFolder temp;
  const fs::path path = temp / "five.sens";
  SensHeader header;
  header.color_size = header.depth_size = {32, 24};
  header.intrinsic_color =
      header.intrinsic_depth = {30, 0, 15.5F, 0, 0, 30, 11.5F, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  header.depth_shift = 5000;
  header.frame_count = 1;
  SensWriter writer(path, header);
  std::array<float, 16> pose{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  ImageU16 depth(32, 24);
  for (auto& value : depth.v) value = 5000;
  writer.append(pose, 1, 1, encode_jpeg(ImageU8(32, 24)), depth);
  writer.publish();
  auto o = options_of(path, temp / "out");
  test::set(o, "--candidates", "all");
  const fs::path file = temp / "out/five.h5";
  // Of a wall straight ahead, z of every patch is the depth in metres.
  const auto z = [&] { return SceneReader(file).patches().world14[2]; };
  CHECK(run(o).done == 1);
  CHECK(z() == Approx(5));
  CHECK_FALSE(options_in(file).contains("depth_shift"));
  test::set(o, "--compat", "fixed"), o.output.overwrite = true;
  CHECK(run(o).done == 1);
  CHECK(z() == Approx(1));
  CHECK(options_in(file)["depth_shift"] == "apply");
  test::set(o, "--depth-shift", "ignore");
  CHECK(run(o).done == 1);
  CHECK(z() == Approx(5));
  CHECK_THROWS_AS(test::set(o, "--depth-shift", "maybe"), UsageError);
}

TEST_CASE("a dry run of scene files speaks of scene files") {
  const test::TempFolder temp;
  const fs::path scan = made_scan(temp.path(), [](nlohmann::json&) {});
  auto o = options_of(scan, temp / "out");
  test::set(o, "--candidates", "all");
  o.run.dry_run = true;
  o.run.report = (temp / "audit.json").string();
  std::string table;
  const auto look = [&] {
    const auto report = run(o, &table);
    return std::pair(report.exit_code, nlohmann::json::parse(test::read_text(o.run.report)));
  };
  const auto [code, json] = look();
  CHECK(code == 0);
  CHECK(json["dry_run"] == true);
  CHECK_FALSE(json.contains("taps"));
  const auto& scene = json["items"][0];
  CHECK(scene["scan"]["alignment"] == "text");
  CHECK(scene["scan"]["vertices"].get<int>() > 10000);
  CHECK(scene["scan"]["objects"].get<int>() > 10);
  CHECK(scene["scan"]["proposal_source"] == "masks");
  CHECK(scene["scan"]["dense_object_ids"] == true);
  CHECK(scene["depth"]["valid"].get<double>() > 0.5);
  CHECK(table.find("taps") == table.npos);
  CHECK(table.find("masks") != table.npos);
  // The estimate of the file's size is right within a tenth.
  const double bytes = scene["forecast"]["output_bytes"].get<double>();
  o.run.dry_run = false, o.run.report.clear();
  CHECK(run(o).done == 1);
  CHECK(bytes ==
        Approx(static_cast<double>(fs::file_size(temp / "out/scan0001_00.h5"))).epsilon(0.1));

  // Every fault is told, not only the first.
  o.run.dry_run = true, o.run.report = (temp / "audit.json").string(),
  o.output.out = (temp / "none").string();
  text(scan / "scan0001_00.txt", "axisAlignment = 1 2 3\n");
  text(scan / "scan0001_00.aggregation.json", "{\"segGroups\": [");
  text(scan / "scan0001_00.mask.npz", "no archive");
  fs::remove(scan / "00001.png");
  const auto [broken, faults] = look();
  CHECK(broken == 3);
  std::set<std::string> topics;
  for (const auto& finding : faults["items"][0]["findings"]) {
    if (finding["severity"] == "error") topics.insert(finding["topic"].get<std::string>());
  }
  CHECK((topics == std::set<std::string>{"alignment", "depth", "objects", "proposals"}));
  CHECK_FALSE(fs::exists(o.output.out));
}
