// Answers that state a box, against the released reader (tests/golden/export_frames.py).
#include "tasks/box_answer.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "support/support.h"
#include "tasks/frame_members.h"
#include "tasks/python_literal.h"

// A namespace of its own: other tests of this folder have functions of the same names.
namespace vega::tasks::box_answer_test {
namespace {

nlohmann::json golden() {
  return nlohmann::json::parse(test::read_text(test::golden("frames/boxes.json")));
}

}  // namespace

TEST_CASE("answers with a box are read as the release reads them") {
  for (const auto& one : golden()["answers"]) {
    CAPTURE(one.dump());
    std::string why;
    const auto read = read_box_answer(one[0].get<std::string>(), one[1], why);
    REQUIRE(read.has_value() == !one[2].is_null());
    CHECK(why.empty() == read.has_value());
    if (!read) continue;
    CHECK(read->frame == one[2]["frame"].get<std::size_t>());
    const auto wanted = one[2]["bbox_3d"].get<OrientedBox>();
    for (std::size_t i = 0; i < 6; ++i) CHECK(read->box[i] == Approx(wanted[i]));
    // The release states the angles after a turn by nothing: the same rotation.
    const Rotation a = rotation_zxy({read->box[6], read->box[7], read->box[8]});
    const Rotation b = rotation_zxy({wanted[6], wanted[7], wanted[8]});
    for (std::size_t i = 0; i < 9; ++i) CHECK(a[i] == Approx(b[i]).margin(1e-12));
  }
}

TEST_CASE("boxes go into the world as in the release") {
  for (const auto& one : golden()["moved"]) {
    CAPTURE(one.dump());
    Pose pose{};
    for (std::size_t i = 0; i < 16; ++i) pose[i] = one[0][i / 4][i % 4];
    CHECK(is_rigid(pose));
    const OrientedBox out = moved(pose, one[1].get<OrientedBox>());
    const auto wanted = one[2].get<OrientedBox>();
    for (std::size_t i = 0; i < 9; ++i) CHECK(out[i] == Approx(wanted[i]).margin(1e-12));
  }
  // b a right angle: a and c turn about one axis.
  const Rotation turn = rotation_zxy({0.4, 1.5707963267948966, 0.3});
  const auto angles = angles_zxy(turn);
  CHECK(angles[2] == 0);
  const Rotation again = rotation_zxy(angles);
  for (std::size_t i = 0; i < 9; ++i) CHECK(again[i] == Approx(turn[i]).margin(1e-12));
}

TEST_CASE("literals of Python: bounds, escapes, what is none") {
  CHECK(python_literal("{'a': [1, -2.5, 'x', None, True,],}")->dump() ==
        R"({"a":[1,-2.5,"x",null,true]})");
  CHECK(python_literal(R"('it\'s "so"\n')")->text_or("") == "it's \"so\"\n");
  CHECK(python_literal("0x1") == std::nullopt);
  CHECK(python_literal("1 + 2") == std::nullopt);
  CHECK(python_literal("{1: 2}") == std::nullopt);
  CHECK(python_literal("") == std::nullopt);
  CHECK(python_literal("-") == std::nullopt);
  CHECK(python_literal("1__0") == std::nullopt);
  CHECK(python_literal("00")->whole() == 0);
  CHECK(python_literal("'open") == std::nullopt);
  CHECK(python_literal(std::string_view("1\0", 2)) == std::nullopt);
  CHECK(python_literal(std::string(100000, '[')) == std::nullopt);
}

TEST_CASE("members of questions about frames: what is wrong is named") {
  const auto poses = [](const char* text) {
    return frame_cameras(*parse_json(text), "f: [2].").world();
  };
  const std::string unit = "[[1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]";
  const std::string shift = "[[1,0,0,3],[0,1,0,0],[0,0,1,0],[0,0,0,1]]";
  const auto good =
      poses((R"({"axis_align_matrix":)" + shift + R"(,"cam2global":[)" + unit + "]}").c_str());
  REQUIRE(good.size() == 1);
  CHECK(good[0][3] == 3);
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(poses(R"({"cam2global":[]})"), Contains("f: [2].cam2global"));
  CHECK_THROWS_WITH(poses(R"({"cam2global":[1]})"), Contains("f: [2].axis_align_matrix"));
  CHECK_THROWS_WITH(
      poses((R"({"axis_align_matrix":)" + unit + R"(,"cam2global":[[[2,0,0,0]]]})").c_str()),
      Contains("f: [2].cam2global[0]"));
  const std::string stretched = "[[2,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]";
  CHECK_THROWS_WITH(
      poses((R"({"axis_align_matrix":)" + stretched + R"(,"cam2global":[)" + unit + "]}").c_str()),
      Contains("a rotation and a shift"));
  CHECK_THROWS_WITH(oriented_box_of(*parse_json("[1,2,3,4,5,6]"), "gt_bbox"),
                    Contains("nine numbers"));
}

}  // namespace vega::tasks::box_answer_test
