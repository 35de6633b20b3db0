// objects.json, read back.
#include "synth/dataset/facts.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "support/support.h"

namespace vega::synth {
namespace {

std::string room(const std::string& recipe, const std::string& objects) {
  return R"({"schema": "vega.room/1", "recipe": )" + recipe + R"(, "objects": [)" + objects + "]}";
}

constexpr const char* kStudy = R"({"study": true, "width": 20, "height": 10})";
constexpr const char* kBox = R"("min": [0, 1, 2], "max": [1, 3, 5])";

}  // namespace

TEST_CASE("facts: labels, colours, boxes and the picture that shows most", "[facts]") {
  const test::TempFolder temp;
  const auto path = temp / "objects.json";
  test::write_text(path, room(kStudy, std::string(R"({"id": 0, "label": "floor", )") + kBox +
                                          R"(, "pixels": []}, {"id": 1, "label": "cone", )" + kBox +
                                          R"(, "colour": "red", "pixels": [3, 50, 0]})"));
  const RoomFacts facts = read_facts(path, "scene0000_00");
  CHECK(facts.scene == "scene0000_00");
  REQUIRE(facts.things.size() == 2);
  CHECK(!facts.things[0].is_shape());
  CHECK(facts.things[0].seen == 0);
  const Thing& cone = facts.things[1];
  CHECK(cone.is_shape());
  CHECK(cone.colour == "red");
  CHECK(cone.seen == Approx(0.25));
  CHECK(cone.x() == 0.5);
  CHECK(cone.y() == 2);
  CHECK(cone.height() == 3);
  CHECK(cone.volume() == 6);
}

TEST_CASE("facts: another file is refused with its place", "[facts]") {
  const test::TempFolder temp;
  const auto path = temp / "objects.json";
  CHECK_THROWS_AS(read_facts(path, "s"), InputError);
  const std::pair<std::string, const char*> bad[] = {
      {room(R"({"width": 20, "height": 10})", ""), "recipe"},  // no study room
      {room(R"({"study": true})", ""), "recipe"},
      {room(kStudy, std::string(R"({"id": 1, "label": "floor", )") + kBox + "}"), "id"},
      {room(kStudy, R"({"id": 0, "label": "floor", "min": [0, 1], "max": [1, 1, 1]})"), "min"},
      {room(kStudy, R"({"id": 0, "label": "floor", "min": [0, 1, 2]})"), "max"},
      {"{", "objects.json"}};
  for (const auto& [text, where] : bad) {
    CAPTURE(text);
    test::write_text(path, text);
    CHECK_THROWS_AS(read_facts(path, "s"), FormatError);
    CHECK_THROWS_WITH(read_facts(path, "s"),
                      Catch::Contains(path.string()) && Catch::Contains(where));
  }
}

}  // namespace vega::synth
