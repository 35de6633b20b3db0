// Box lists and frame lists.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "scan/frame_list.h"
#include "scan/proposals.h"
#include "support/support.h"

namespace vega::scan {
namespace {

struct WrittenList {
  test::TempFolder temp;
  std::filesystem::path operator()(const std::string& text) const {
    test::write_text(temp / "file.json", text);
    return temp / "file.json";
  }
};

const std::string kAlign =
    "\"axis_align_matrix\": [[0, -1, 0, 2], [1, 0, 0, 3], [0, 0, 1, 4], [0, 0, 0, 1]]";
const std::string kCamera =
    "\"depth_cam2img\": [[577.5, 0, 319.5, 0], [0, 578.5, 239.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]]";
const std::string kId = "\"sample_idx\": \"scannet/s1\"";

std::string image(const std::string& path) { return "{\"img_path\": \"" + path + "\"}"; }
std::string images(const std::string& list) { return "\"images\": [" + list + "]"; }
std::string items(const std::string& list) { return "{\"data_list\": [" + list + "]}"; }
std::string item(const std::string& id, const std::string& rest) {
  return "{\"sample_idx\": \"" + id + "\", " + rest + "}";
}

}  // namespace

TEST_CASE("box list: one scene of many", "[boxes]") {
  const WrittenList file;
  const auto path = file(
      "{\"scannet/a\": [[0, 0, 0, 1, 1, 1]], \"scannet/b\": [[1, 2.5, -3, 4, 0, 6], [1e1, 0, 0, 0, "
      "0, 0]], \"scannet/c\": [], \"b\": 5}");
  const auto boxes = read_box_json(path, "b");
  REQUIRE(boxes);
  CHECK(*boxes == std::vector<Box>{{1, 2.5, -3, 4, 0, 6}, {10, 0, 0, 0, 0, 0}});
  CHECK(read_box_json(path, "scannet/b") == boxes);
  CHECK(read_box_json(path, "c")->empty());
  CHECK(!read_box_json(path, "d"));
  CHECK(!read_box_json(file("{}"), "d"));
  for (const char* value :
       {"5", "null", "{}", "\"x\"", "[5]", "[null]", "[{}]", "[[1, 2, 3, 4, 5]]",
        "[[1, 2, 3, 4, 5, 6, 7]]", "[[1, 2, 3, 4, 5, null]]", "[[1, 2, 3, 4, 5, [6]]]",
        "[[1, 2, 3, 4, 5, \"6\"]]", "[[1, 2, 3, 4, 5, -6]]", "[[1, 2, 3, 4, 5, NaN]]",
        "[[1, 2, 3, 4, 5, 1e999]]", "[[]]", "[], \"scannet/b\": []"}) {
    CAPTURE(value);
    const std::string text = "{\"scannet/b\": " + std::string(value) + "}";
    CHECK_THROWS_AS(read_box_json(file(text), "b"), FormatError);
  }
  CHECK_THROWS_AS(read_box_json(file(""), "b"), FormatError);
  CHECK_THROWS_AS(read_box_json(file("[]"), "b"), FormatError);
  CHECK_THROWS_AS(read_box_json(file("5"), "b"), FormatError);
  // A key that spells the path of another is not that other.
  CHECK(!read_box_json(file("{\"scannet\": {\"b\": [[1, 2, 3, 4, 5, 6]]}}"), "b"));
}

TEST_CASE("mask boxes: vertices outside the mesh are refused", "[boxes]") {
  InstanceMasks masks{.instances = 1, .rows = {{0, 3}}};
  const std::vector<Point3f> points(3);
  CHECK_THROWS_AS(mask_boxes(masks, points, EmptyMask::kSkip), InputError);
  CHECK(mask_boxes({}, points, EmptyMask::kTruncate).boxes.empty());
}

TEST_CASE("frame list: ids, alignment and intrinsics of the wanted scene", "[frames]") {
  const WrittenList file;
  const std::string body = kAlign + ", \"other\": {\"images\": [1]}, " + kCamera + ", " +
                           images(image("scannet/posed_images/s1/00020.jpg") + ", " +
                                  "{\"cam2global\": [[1]], \"img_path\": \"x/frame-7.tar.jpg7\"}");
  const std::string broken = item("scannet/s0", "\"images\": 5, \"depth_cam2img\": [1]");
  const std::string good = items(broken + ", {" + body + ", " + kId + "}, " +
                                 item("scannet/s2", body) + ", {\"axis_align_matrix\": 1}");
  SECTION("found, before or behind its name") {
    const std::string fixed = [&] {
      std::string text = good;
      text.replace(text.find("frame-7.tar.jpg7"), 16, "frame-7.jpg");
      return text;
    }();
    for (const char* scene : {"s1", "scannet/s1"}) {
      const auto list = read_frame_list(file(fixed), scene);
      REQUIRE(list);
      CHECK(list->sample_idx == "scannet/s1");
      CHECK(list->ids == std::vector<std::int64_t>{20, 7});
      CHECK(list->paths[0] == "scannet/posed_images/s1/00020.jpg");
      CHECK(list->axis_align == Matrix4{0, -1, 0, 2, 1, 0, 0, 3, 0, 0, 1, 4, 0, 0, 0, 1});
      CHECK(list->depth_intrinsics ==
            Matrix4{577.5, 0, 319.5, 0, 0, 578.5, 239.5, 0, 0, 0, 1, 0, 0, 0, 0, 1});
    }
    CHECK(!read_frame_list(file(fixed), "s9"));
    CHECK_THROWS_WITH(read_frame_list(file(fixed), "s0"), Catch::Contains("item 0"));
  }
  SECTION("a path without a number") {
    CHECK_THROWS_WITH(read_frame_list(file(good), "s1"), Catch::Contains("frame-7.tar.jpg7"));
  }
  SECTION("3x3 intrinsics are widened") {
    const auto list = read_frame_list(
        file(items(
            item("scannet/s1", kAlign + ", " + images("") +
                                   ", \"depth_cam2img\": [[5, 0, 1], [0, 6, 2], [0, 0, 1]]"))),
        "s1");
    REQUIRE(list);
    CHECK(list->ids.empty());
    CHECK(list->depth_intrinsics == Matrix4{5, 0, 1, 0, 0, 6, 2, 0, 0, 0, 1, 0, 0, 0, 0, 1});
  }
}

TEST_CASE("frame list: faults of the wanted scene", "[frames]") {
  const WrittenList file;
  const std::string one = images(image("a/1.jpg"));
  const std::string all = kAlign + ", " + kCamera + ", ";
  CHECK(read_frame_list(file(items(item("scannet/s1", all + one))), "s1")->ids.size() == 1);
  const std::string mirrored =
      "\"axis_align_matrix\": [[0, 1, 0, 2], [1, 0, 0, 3], [0, 0, 1, 4], [0, 0, 0, 1]]";
  for (const std::string& rest :
       {kAlign + ", " + kCamera,
        kAlign + ", " + one,
        kCamera + ", " + one,
        all + "\"images\": 5",
        all + "\"images\": {}",
        all + images("5"),
        all + images("[]"),
        all + images("{}"),
        all + images("{\"img_path\": 5}"),
        all + one + ", " + one,
        all + images("{\"img_path\": \"1.jpg\", \"img_path\": \"2.jpg\"}"),
        all + images(image("1.jpg") + ", " + image("b/001.jpg")),
        all + images(image("jpg")),
        all + images(image("9999999999999999.jpg")),
        all + images(image(std::string(1100, 'x') + "1.jpg")),
        all + one + ", " + kAlign,
        mirrored + ", " + kCamera + ", " + one,
        "\"axis_align_matrix\": 5, " + kCamera + ", " + one,
        "\"axis_align_matrix\": [[1, 0], [0, 1]], " + kCamera + ", " + one,
        "\"axis_align_matrix\": [1, 2, 3, 4], " + kCamera + ", " + one,
        "\"axis_align_matrix\": [[[1]]], " + kCamera + ", " + one,
        "\"axis_align_matrix\": [[null]], " + kCamera + ", " + one,
        kAlign + ", \"depth_cam2img\": [[1, 2, 3], [4, 5, 6]], " + one,
        kAlign + ", \"depth_cam2img\": null, " + one,
        all + one + ", \"sample_idx\": \"scannet/s1\""}) {
    CAPTURE(rest);
    CHECK_THROWS_WITH(read_frame_list(file(items(item("scannet/s1", rest))), "s1"),
                      Catch::Contains("item 0"));
    CHECK(!read_frame_list(file(items(item("scannet/s2", rest))), "s3"));
  }
  const std::string whole = item("scannet/s1", all + one);
  CHECK_THROWS_WITH(read_frame_list(file(items(whole + ", " + whole)), "s1"),
                    Catch::Contains("twice"));
  for (const char* text : {"", "{}", "[]", "{\"data_list\": {}}", "{\"data_list\": [1]}",
                           "{\"data_list\": [[]]}", "{\"data_list\": 5}", "{\"data_list\": [{}"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(read_frame_list(file(text), "s1"), FormatError);
  }
  for (std::size_t cut = 0; cut < items(whole).size(); ++cut) {
    CHECK_THROWS_AS(read_frame_list(file(items(whole).substr(0, cut)), "s1"), FormatError);
  }
}

TEST_CASE("box and frame lists: every cut is refused", "[boxes]") {
  const WrittenList file;
  const std::string boxes = "{\"scannet/s1\": [[1, 2, 3, 4, 5, 6], [0, 0, 0, 1e-1, 1, 1]]}";
  const std::string frames =
      items(item("scannet/s1", kAlign + ", " + kCamera + ", " + images(image("a/1.jpg"))));
  CHECK(read_box_json(file(boxes), "s1")->size() == 2);
  CHECK(read_frame_list(file(frames), "s1")->ids.size() == 1);
  for (std::size_t size = 0; size < boxes.size(); ++size) {
    CAPTURE(size);
    REQUIRE_THROWS_AS(read_box_json(file(boxes.substr(0, size)), "s1"), FormatError);
  }
  // What follows the last bracket is white space.
  const std::size_t end = frames.find_last_of('}');
  for (std::size_t size = 0; size <= end; ++size) {
    CAPTURE(size);
    REQUIRE_THROWS_AS(read_frame_list(file(frames.substr(0, size)), "s1"), FormatError);
  }
}

}  // namespace vega::scan
