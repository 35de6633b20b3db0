// The study's world: what stands in its rooms, and what their folders say about it.
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "scan/proposals.h"
#include "support/support.h"
#include "synth/room.h"
#include "synth/scene.h"

namespace vega {
namespace {

bool overlap(const RoomObject& a, const RoomObject& b) {
  for (int k = 0; k < 3; ++k)
    if (a.box_max[k] <= b.box_min[k] + 1e-9 || b.box_max[k] <= a.box_min[k] + 1e-9) return false;
  return true;
}

}  // namespace

TEST_CASE("study room: every colour on several shapes, several objects of every shape", "[study]") {
  std::set<std::size_t> shape_counts;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const Room room(seed, RoomKind::kStudy);
    CHECK(room.kind() == RoomKind::kStudy);
    std::map<std::string, std::multiset<std::string>> colours;  // of a shape
    std::map<std::string, std::set<std::string>> shapes;        // of a colour
    std::vector<RoomObject> things;
    for (const RoomObject& object : room.objects()) {
      if (object.colour.empty()) {
        CHECK(object.rgb == RoomPoint{});
        continue;
      }
      colours[object.label].insert(object.colour);
      shapes[object.colour].insert(object.label);
      things.push_back(object);
    }
    shape_counts.insert(colours.size());
    CHECK((things.size() >= 16 && things.size() <= 18));
    CHECK(shapes.size() == 5);
    for (const auto& [colour, on] : shapes) CHECK(on.size() >= 2);
    for (const auto& [shape, of] : colours) {
      CHECK(of.size() >= 4);
      CHECK(std::set<std::string>(of.begin(), of.end()).size() < 5);  // one colour it has not
      CHECK(std::set<std::string>(of.begin(), of.end()).size() < of.size());  // one it has twice
    }
    for (std::size_t i = 0; i < things.size(); ++i) {
      CHECK(std::abs(things[i].box_min[2]) < 1e-9);  // on the floor
      for (std::size_t j = 0; j < i; ++j) CHECK(!overlap(things[i], things[j]));
    }
    CHECK(room.objects().size() < 60);
  }
  CHECK(shape_counts == std::set<std::size_t>{3, 4});
}

TEST_CASE("study room: in a stacked one some shapes stand on boxes and cylinders", "[study]") {
  int stacks = 0, rooms_without = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const Room room(seed, RoomKind::kStacked);
    std::vector<RoomObject> things;
    std::map<std::string, int> shapes;
    for (const RoomObject& object : room.objects()) {
      if (object.colour.empty()) continue;
      things.push_back(object);
      ++shapes[object.label];
    }
    CHECK((things.size() >= 16 && things.size() <= 18));
    for (const auto& [shape, count] : shapes) CHECK(count >= 4);
    int above = 0;
    for (const RoomObject& a : things) {
      int below = 0;
      for (const RoomObject& b : things) {
        if (a.id == b.id) continue;
        const double x = (a.box_min[0] + a.box_max[0]) / 2, y = (a.box_min[1] + a.box_max[1]) / 2;
        const bool over =
            x > b.box_min[0] && x < b.box_max[0] && y > b.box_min[1] && y < b.box_max[1];
        if (over && std::abs(a.box_min[2] - b.box_max[2]) < 1e-9) {
          ++below;
          CHECK((b.label == "box" || b.label == "cylinder"));
          CHECK(std::abs(b.box_min[2]) < 1e-9);  // no thing stands on a thing on a thing
        } else {
          CHECK(!overlap(a, b));
        }
      }
      CHECK(below == (std::abs(a.box_min[2]) < 1e-9 ? 0 : 1));
      above += below;
    }
    CHECK(above <= 4);
    stacks += above, rooms_without += above == 0;
  }
  CHECK(stacks > 60 * 3);
  CHECK(rooms_without == 0);
}

TEST_CASE("study room: the folder names colour, shape and visible pixels", "[study]") {
  const test::TempFolder temp;
  SceneOptions o;
  o.folder = temp / "scene0000_00", o.kind = RoomKind::kStudy, o.seed = 3, o.frames = 12;
  o.width = 80, o.height = 60, o.threads = 1;
  o.scan = true, o.masks = MaskNoise::kExact;
  CHECK(!scene_complete(o));
  REQUIRE(write_scene(o) == 12);
  CHECK(scene_complete(o));
  const auto root = nlohmann::json::parse(test::read_text(o.folder / "objects.json"));
  CHECK(root["recipe"]["study"] == true);
  CHECK(root["recipe"]["masks"] == "exact");
  const Room room(3, RoomKind::kStudy);
  std::vector<std::int64_t> covered(12);
  int large = 0, shapes = 0;
  REQUIRE(root["objects"].size() == room.objects().size());
  for (const RoomObject& object : room.objects()) {
    const auto& entry = root["objects"][object.id];
    const auto pixels = entry["pixels"].get<std::vector<std::int64_t>>();
    REQUIRE(pixels.size() == 12);
    for (std::size_t f = 0; f < 12; ++f) covered[f] += pixels[f];
    CHECK(entry.contains("colour") == !object.colour.empty());
    if (object.colour.empty()) continue;
    CHECK(entry["shape"] == object.label);
    CHECK(entry["colour"] == object.colour);
    CHECK(entry["rgb"].get<RoomPoint>() == object.rgb);
    ++shapes;  // as large as a cell of the 14x14 grid
    large += *std::max_element(pixels.begin(), pixels.end()) >= 80 * 60 / 196;
  }
  CHECK(large >= shapes - 1);
  for (const std::int64_t sum : covered) CHECK((sum > 4000 && sum <= 80 * 60));  // the rest is sky

  // Exact masks are the objects themselves.
  const RoomScan scan = scan_room(room, ScanFrame::kOwn, MaskNoise::kExact);
  const auto ids = scan::instance_ids(scan.segments, scan.groups);
  std::set<std::int32_t> found;
  for (const RoomMask& mask : scan.masks) {
    REQUIRE(mask.objects.size() == 1);
    found.insert(mask.objects[0]);
    CHECK(static_cast<std::ptrdiff_t>(mask.vertices.size()) ==
          std::count(ids.begin(), ids.end(), mask.objects[0]));
  }
  for (const RoomObject& object : room.objects())
    CHECK((object.colour.empty() || found.contains(object.id)));
  CHECK(scan.masks.size() <= scan::kMaxProposals);
  // Other masks, another scene.
  o.masks = MaskNoise::kNoisy;
  CHECK_THROWS(write_scene(o));
}

}  // namespace vega
