// The posed folder of a synthetic room.
#include "synth/scene.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "media/jpeg.h"
#include "media/png.h"
#include "support/support.h"
#include "synth/room.h"

namespace vega {
namespace {
namespace fs = std::filesystem;

SceneOptions small_scene(const fs::path& folder) {
  SceneOptions o;
  o.folder = folder, o.seed = 7, o.frames = 6, o.every = 2, o.width = 64, o.height = 48;
  o.threads = 1;
  return o;
}

// One room for most cases, so that its light is computed once.
const Room& scene_room() {
  static const Room room(7);
  return room;
}

std::set<std::string> names_of_folder(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

Pose read_matrix(const fs::path& path) {
  Pose m{};
  std::ifstream in(path);
  for (double& x : m) in >> x;
  CHECK(in);
  return m;
}

}  // namespace

TEST_CASE("scene: the folder holds what the room shows, bit for bit", "[scene]") {
  const test::TempFolder temp;
  const SceneOptions o = small_scene(temp / "room");
  int last = 0, total = 0;
  CHECK(write_scene(o, [&](int done, int all) { last = done, total = all; }) == 3);
  CHECK(last == 3);
  CHECK(total == 3);
  std::set<std::string> wanted{"intrinsic.txt", "depth_intrinsic.txt", "objects.json"};
  for (const char* id : {"00000", "00002", "00004"}) {
    for (const char* suffix : {".jpg", ".png", ".txt"}) wanted.insert(std::string(id) + suffix);
  }
  CHECK(names_of_folder(o.folder) == wanted);
  CHECK(names_of_folder(temp.path()) == std::set<std::string>{"room"});

  const Room& room = scene_room();
  const auto poses = room.walk(6);
  const RoomIntrinsics camera = Room::intrinsics(64, 48);
  const Pose k = read_matrix(o.folder / "intrinsic.txt");
  CHECK(k == Pose{camera.fx, 0, camera.cx, 0, 0, camera.fy, camera.cy, 0, 0, 0, 1, 0, 0, 0, 0, 1});
  CHECK(read_matrix(o.folder / "depth_intrinsic.txt") == k);
  for (const int id : {0, 2, 4}) {
    char stem[16];
    std::snprintf(stem, sizeof stem, "%05d", id);
    const Pose pose = read_matrix(o.folder / (std::string(stem) + ".txt"));
    CHECK(pose == poses[id]);  // exactly: 17 digits
    const RoomView view = room.render(pose, 64, 48, 2);
    const auto depth =
        decode_png16(test::read_bytes(o.folder / (std::string(stem) + ".png")), stem);
    CHECK(depth.width == 64);
    CHECK(depth.v == view.depth_mm.v);
    const ImageU8 color =
        decode_jpeg(test::read_bytes(o.folder / (std::string(stem) + ".jpg")), stem);
    REQUIRE(color.rgb.size() == view.color.rgb.size());
    double error = 0;
    for (std::size_t i = 0; i < color.rgb.size(); ++i)
      error += std::abs(color.rgb[i] - view.color.rgb[i]);
    CHECK(error / static_cast<double>(color.rgb.size()) < 6);  // JPEG at 92
  }
  std::ifstream in(o.folder / "objects.json");
  const auto root = nlohmann::json::parse(in);
  REQUIRE(root["objects"].size() == room.objects().size());
  for (const RoomObject& object : room.objects()) {
    const auto& entry = root["objects"][object.id];
    CHECK(entry["label"] == object.label);
    CHECK(entry["min"].get<RoomPoint>() == object.box_min);
    CHECK(entry["max"].get<RoomPoint>() == object.box_max);
  }
}

TEST_CASE("scene: threads do not change a byte", "[scene]") {
  const test::TempFolder temp;
  SceneOptions one = small_scene(temp / "one"), many = small_scene(temp / "many");
  many.threads = 4;
  write_scene(scene_room(), one);
  write_scene(scene_room(), many);
  for (const std::string& name : names_of_folder(one.folder)) {
    INFO(name);
    CHECK(test::read_bytes(one.folder / name) == test::read_bytes(many.folder / name));
  }
  CHECK(names_of_folder(one.folder) == names_of_folder(many.folder));
}

TEST_CASE("scene: done work is kept, other work is not overwritten unasked", "[scene]") {
  const test::TempFolder temp;
  SceneOptions o = small_scene(temp / "room");
  o.every = 6;
  CHECK(write_scene(scene_room(), o) == 1);
  CHECK(write_scene(o) == 0);  // there already
  CHECK_THROWS_AS(write_scene(Room(8), o), InputError);
  o.quality = 40;
  CHECK_THROWS_WITH(write_scene(o),
                    Catch::Contains("\"quality\":92") && Catch::Contains("--overwrite"));
  const auto before = test::read_bytes(o.folder / "00000.jpg");
  o.overwrite = true;
  CHECK(write_scene(scene_room(), o) == 1);
  CHECK(test::read_bytes(o.folder / "00000.jpg") != before);
  CHECK(names_of_folder(temp.path()) == std::set<std::string>{"room"});

  o.folder = temp / "letters";
  fs::create_directory(o.folder);
  test::write_text(o.folder / "dear.txt", "keep me");
  CHECK_THROWS_AS(write_scene(o), RefusedError);  // even with overwrite
  CHECK(names_of_folder(o.folder) == std::set<std::string>{"dear.txt"});
}

TEST_CASE("scene: a trailing slash names the same folder", "[scene]") {
  const test::TempFolder temp;
  SceneOptions o = small_scene(temp / "room/");
  o.every = 6;
  CHECK(write_scene(scene_room(), o) == 1);
  CHECK(names_of_folder(temp.path()) == std::set<std::string>{"room"});
  o.folder = temp / "room";
  CHECK(write_scene(scene_room(), o) == 0);
  for (const char* nameless : {"", "/", "//"}) {
    o.folder = nameless;
    CHECK_THROWS_AS(write_scene(scene_room(), o), InputError);
  }
}

TEST_CASE("scene: a failure leaves nothing, dead parts are swept", "[scene]") {
  const test::TempFolder temp;
  const SceneOptions o = small_scene(temp / "room");
  const fs::path dead = temp / "room.part-elsewhere-1";
  fs::create_directory(dead);
  test::write_text(dead / "00000.txt", "half");
  struct Stop {};
  CHECK_THROWS_AS(write_scene(scene_room(), o,
                              [](int done, int) {
                                if (done == 2) throw Stop{};
                              }),
                  Stop);
  CHECK(names_of_folder(temp.path()).empty());
  SceneOptions bad = o;
  bad.frames = 0;
  CHECK_THROWS_AS(write_scene(bad), InputError);
  bad.frames = kSceneFrames.most + 1;
  CHECK_THROWS_WITH(write_scene(bad), Catch::Contains("100000") && Catch::Contains("1 to 99999"));
  bad = o, bad.width = 4;
  CHECK_THROWS_WITH(write_scene(bad), Catch::Contains("width") && Catch::Contains("16 to 8192"));
  CHECK(names_of_folder(temp.path()).empty());
}

}  // namespace vega
