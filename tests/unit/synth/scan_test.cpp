// The ScanNet scan of a synthetic room, read back with the readers of lib/scan.
#include "synth/scan.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "geometry/pose.h"
#include "media/sens.h"
#include "scan/mesh.h"
#include "scan/objects.h"
#include "scan/proposals.h"
#include "scan/scan_text.h"
#include "support/support.h"
#include "synth/scene.h"

namespace vega {
namespace {
namespace fs = std::filesystem;

// Coordinates in the scan frame are under 8 m, where half a step of float32 is 2.4e-7; a rotation
// adds up two of them, the cast of the aligned point one more.
constexpr double kRounding = 1e-6;

SceneOptions small_scan(const fs::path& folder) {
  SceneOptions o;
  o.folder = folder, o.seed = 7, o.frames = 2, o.width = 64, o.height = 48, o.threads = 1;
  return o;
}

const Room& room_to_scan() {
  static const Room room(7);
  return room;
}

// Of each of the six faces: how far the box sticks out of the wanted one (negative: inside).
std::array<double, 6> beyond(const scan::Box& box, const RoomPoint& lo, const RoomPoint& hi) {
  std::array<double, 6> out;
  for (int a = 0; a < 3; ++a) {
    out[a] = lo[a] - (box[a] - box[3 + a] / 2);
    out[3 + a] = box[a] + box[3 + a] / 2 - hi[a];
  }
  return out;
}

}  // namespace

TEST_CASE("scan: read back, its boxes are those of the room", "[scan]") {
  const test::TempFolder temp;
  SceneOptions o = small_scan(temp / "scene0007_00");
  o.scan = true;
  REQUIRE(write_scene(room_to_scan(), o) == 2);
  const scan::ScanFiles files = scan::find_scan_files(o.folder);
  REQUIRE(files.has_annotation());
  for (const auto& path : {files.sens, files.mesh, files.text, files.labels, files.masks}) {
    REQUIRE(!path.empty());
  }
  const scan::ScanText text = scan::read_scan_text(files.text);
  const RoomScan made = scan_room(room_to_scan());
  CHECK(text.has_axis_align);
  CHECK(text.axis_align == made.axis_align);  // exact through six decimals
  CHECK(text.axis_align[1] != 0);
  CHECK(text.axis_align[3] != 0);

  const scan::Mesh mesh = scan::read_ply(files.mesh);
  CHECK(mesh.vertices == made.vertices);
  CHECK(mesh.colors == made.colors);
  CHECK(mesh.vertices.size() > 5000);
  CHECK(mesh.vertices.size() < 50000);

  const scan::LabelMap labels(files.labels);
  const auto list =
      scan::read_objects(files, scan::align_points_f32(mesh.vertices, text.axis_align), labels);
  const auto& objects = room_to_scan().objects();
  CHECK(list.dense);
  REQUIRE(list.objects.size() == objects.size());
  const auto root = nlohmann::json::parse(test::read_text(o.folder / "objects.json"));
  CHECK(root["axis_align"].get<scan::Matrix4>() == text.axis_align);
  for (std::size_t i = 0; i < objects.size(); ++i) {
    CAPTURE(i, objects[i].label);
    CHECK(list.objects[i].id == objects[i].id);
    CHECK(list.objects[i].label == objects[i].label);
    CHECK(labels.contains(objects[i].label));
    CHECK(root["objects"][i]["min"].get<RoomPoint>() == objects[i].box_min);
    for (const double gap : beyond(list.objects[i].box, objects[i].box_min, objects[i].box_max)) {
      CHECK(std::abs(gap) < kRounding);
    }
  }
  CHECK(labels.nyu40("floor") == 2);
  CHECK(labels.nyu40("globe") == 40);
}

TEST_CASE("scan: masks err by little, in falling score", "[scan]") {
  const test::TempFolder temp;
  const RoomScan made = scan_room(room_to_scan());
  write_scan(made, {Room::intrinsics(64, 48), 2}, temp.path(), "s");
  const auto aligned = scan::align_points_f32(made.vertices, made.axis_align);
  const auto masks = scan::read_masks(temp / "s.mask.npz", aligned.size(), made.masks.size());
  REQUIRE(masks.instances == static_cast<std::int64_t>(made.masks.size()));
  const auto found = scan::mask_boxes(masks, aligned, scan::EmptyMask::kTruncate);
  REQUIRE(found.boxes.size() == made.masks.size());
  const auto ids = scan::instance_ids(made.segments, made.groups);
  CHECK(std::set<std::int32_t>(ids.begin(), ids.end()).count(-1) == 1);  // strays
  std::set<std::size_t> sizes;
  for (std::size_t i = 0; i < found.boxes.size(); ++i) {
    const RoomMask& mask = made.masks[i];
    CAPTURE(i, mask.objects);
    CHECK(masks.rows[i] == mask.vertices);
    if (i > 0) CHECK(mask.score <= made.masks[i - 1].score);
    sizes.insert(mask.objects.size());
    std::size_t inside = 0, own = 0;
    RoomPoint lo{1e9, 1e9, 1e9}, hi{-1e9, -1e9, -1e9};
    for (const std::int32_t id : mask.objects) {
      own += static_cast<std::size_t>(std::count(ids.begin(), ids.end(), id));
      for (const std::int32_t v : mask.vertices) inside += ids[static_cast<std::size_t>(v)] == id;
      for (int a = 0; a < 3; ++a) {
        lo[a] = std::min(lo[a], room_to_scan().objects()[id].box_min[a]);
        hi[a] = std::max(hi[a], room_to_scan().objects()[id].box_max[a]);
      }
    }
    CHECK(inside > own / 2);
    for (const double gap : beyond(found.boxes[i], lo, hi)) CHECK(gap < 0.03 + kRounding);
  }
  CHECK(sizes == std::set<std::size_t>{1, 2});
  std::size_t same = 0;
  for (std::size_t i = 0; i < made.masks.size(); ++i) {
    const auto& m = made.masks[i];
    std::vector<std::int32_t> exact;
    for (std::size_t v = 0; v < ids.size(); ++v) {
      if (ids[v] == m.objects[0]) exact.push_back(static_cast<std::int32_t>(v));
    }
    same += m.vertices == exact;
  }
  CHECK(same < made.masks.size() / 4);  // there is noise
}

TEST_CASE("scan: pictures as with --sens, poses in the scan frame", "[scan]") {
  const test::TempFolder temp;
  SceneOptions plain = small_scan(temp / "plain"), scanned = small_scan(temp / "scanned");
  plain.sens = scanned.scan = true;
  REQUIRE(write_scene(room_to_scan(), plain) == 2);
  REQUIRE(write_scene(room_to_scan(), scanned) == 2);
  CHECK(write_scene(room_to_scan(), scanned) == 0);  // there already
  scanned.scan = false, scanned.sens = true;
  CHECK_THROWS_AS(write_scene(room_to_scan(), scanned), RefusedError);
  for (const char* name : {"00001", "intrinsic", "depth_intrinsic"}) {
    SceneOptions clash = small_scan(temp / name);
    clash.scan = true;
    CHECK_THROWS_AS(write_scene(room_to_scan(), clash), InputError);
  }
  const SensFile room(plain.folder / "plain.sens"), scan(scanned.folder / "scanned.sens");
  const auto align = scan::read_scan_text(scanned.folder / "scanned.txt").axis_align;
  REQUIRE(scan.frames().size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(scan.color_jpeg(i) == room.color_jpeg(i));
    CHECK(scan.depth(i).v == room.depth(i).v);
    const Pose back = multiply(align, scan.frames()[i].world_from_cam);
    for (int k = 0; k < 16; ++k) {
      CHECK(std::abs(back[k] - room.frames()[i].world_from_cam[k]) < kRounding);
    }
    CHECK(std::abs(scan.frames()[i].world_from_cam[3] - room.frames()[i].world_from_cam[3]) > 1e-3);
  }
}

TEST_CASE("scan: a function of the seed, its vertices on the room's surfaces", "[scan]") {
  const RoomScan one = scan_room(room_to_scan()), two = scan_room(room_to_scan());
  const RoomScan other = scan_room(Room(8));
  CHECK(one.vertices == two.vertices);
  CHECK(one.masks.size() == two.masks.size());
  CHECK(one.vertices != other.vertices);
  CHECK_NOTHROW(scan::check_rigid(other.axis_align, "other"));
  // A camera in the middle of the room sees no vertex before the surface at its pixel.
  const auto aligned = scan::align_points(one.vertices, one.axis_align);
  const auto ids = scan::instance_ids(one.segments, one.groups);
  const Pose pose = room_to_scan().walk(8)[0];
  const RoomIntrinsics camera = Room::intrinsics(640, 480);
  std::size_t seen = 0, before = 0;
  for (std::size_t i = 0; i < aligned.size(); ++i) {
    if (ids[i] < 0) continue;  // a stray
    const auto at = Room::project(pose, camera, aligned[i]);
    if (!at || (*at)[0] < 1 || (*at)[0] > 638 || (*at)[1] < 1 || (*at)[1] > 478) continue;
    // Rays past an edge miss its vertices by the rounding: some ray around must not.
    double nearest = 1e9, centre = 0;
    for (int side = 0; side < 9; ++side) {
      const double u = (*at)[0] + 0.5 * (side % 3 - 1), v = (*at)[1] + 0.5 * (side / 3 - 1);
      const double depth = room_to_scan().depth_at(pose, camera, u, v);
      if (side == 4) centre = depth;
      if (depth > 0) nearest = std::min(nearest, depth);
    }
    seen += std::abs(centre - (*at)[2]) < 1e-4;
    before += nearest > (*at)[2] + 0.02;
  }
  CHECK(seen > 500);
  CHECK(before == 0);
  for (const auto& face : one.faces) {
    for (const std::int32_t v : face) {
      REQUIRE(v >= 0);
      REQUIRE(static_cast<std::size_t>(v) < one.vertices.size());
    }
  }
}

TEST_CASE("scan: in the room's frame the frames are those of a plain folder", "[scan]") {
  const test::TempFolder temp;
  SceneOptions plain = small_scan(temp / "plain"), whole = small_scan(temp / "whole");
  whole.scan = true;
  whole.scan_frame = ScanFrame::kRoom;
  write_scene(room_to_scan(), plain);
  write_scene(room_to_scan(), whole);
  for (const auto& entry : fs::directory_iterator(plain.folder)) {
    const auto name = entry.path().filename();
    if (name == "objects.json") continue;  // the recipe
    INFO(name);
    CHECK(test::read_bytes(entry.path()) == test::read_bytes(whole.folder / name));
  }
  const auto text = scan::read_scan_text(whole.folder / "whole.txt");
  CHECK(text.has_axis_align);
  CHECK((text.axis_align == scan::kIdentity4));
  const RoomScan scan = scan_room(room_to_scan(), ScanFrame::kRoom);
  CHECK((scan::read_ply(whole.folder / "whole_vh_clean_2.ply").vertices == scan.vertices));
  const Pose pose = room_to_scan().walk(2)[1];
  CHECK((scan_pose(scan, pose) == pose));
  const SensFile stream(whole.folder / "whole.sens");
  REQUIRE(stream.frames().size() == 2);
  for (std::size_t i = 0; i < 16; ++i)
    CHECK(stream.frames()[1].world_from_cam[i] == static_cast<float>(pose[i]));
  // Another recipe than that of either other form.
  CHECK(write_scene(room_to_scan(), whole) == 0);
  whole.scan_frame = ScanFrame::kOwn;
  CHECK_THROWS_AS(write_scene(room_to_scan(), whole), RefusedError);
}

}  // namespace vega
