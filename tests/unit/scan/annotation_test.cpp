// Text, labels, segments, groups, objects: the hostile and the odd.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "scan/objects.h"
#include "scan/scan_text.h"
#include "support/support.h"

namespace vega::scan {
namespace {

struct WrittenAnnotation {
  test::TempFolder temp;
  std::filesystem::path operator()(const std::string& text) const {
    test::write_text(temp / "file", text);
    return temp / "file";
  }
};

const char* const kTurn = "0 -1 0 1.5 1 0 0 -2 0 0 1 0.25 0 0 0 1";

std::string group(const std::string& body) { return "{\"segGroups\": [{" + body + "}]}"; }

}  // namespace

TEST_CASE("scan text: alignment, or none", "[scan_text]") {
  const WrittenAnnotation file;
  const ScanText text =
      read_scan_text(file("a = 1\r\naxisAlignment = " + std::string(kTurn) + " \r\nb = 2\n"));
  CHECK(text.has_axis_align);
  CHECK(text.axis_align == Matrix4{0, -1, 0, 1.5, 1, 0, 0, -2, 0, 0, 1, 0.25, 0, 0, 0, 1});
  const ScanText none = read_scan_text(file("numDepthFrames = 3\n"));
  CHECK(!none.has_axis_align);
  CHECK(none.axis_align == kIdentity4);
  CHECK_THROWS_WITH(read_scan_text(file(" \n")), Catch::Contains("an empty file"));
  for (const char* numbers :
       {"", "1 2 3", "0 -1 0 1.5 1 0 0 -2 0 0 1 0.25 0 0 0 1 7",
        "0 -1 0 x 1 0 0 -2 0 0 1 0 0 0 0 1", "0 -1 0 nan 1 0 0 -2 0 0 1 0.25 0 0 0 1",
        "0 -1 0 inf 1 0 0 -2 0 0 1 0.25 0 0 0 1", "0 -2 0 1.5 1 0 0 -2 0 0 1 0.25 0 0 0 1",
        "0 1 0 1.5 1 0 0 -2 0 0 1 0.25 0 0 0 1", "0 -1 0 1.5 1 0 0 -2 0 0 1 0.25 0 0 0 2",
        "0 -1 0 1.5 1 0 0 -2 0 0.01 1 0.25 0 0 0 1"}) {
    CAPTURE(numbers);
    CHECK_THROWS_WITH(read_scan_text(file("\naxisAlignment = " + std::string(numbers) + "\n")),
                      Catch::Contains("line 2"));
  }
  CHECK_THROWS_AS(read_scan_text(file(std::string((1 << 20) + 1, ' '))), FormatError);
  CHECK_THROWS_AS(read_scan_text(file.temp / "none"), InputError);
}

TEST_CASE("label map: columns by name, absent labels are 'case'", "[labels]") {
  const WrittenAnnotation file;
  const LabelMap map(file("nyu40id\tx\traw_category\r\n5\t\tchair\r\n40\t\tcase\n\n6\t\tchair\n"));
  CHECK(map.size() == 2);
  CHECK(map.nyu40("chair") == 6);
  CHECK(map.nyu40("zebra") == 40);
  CHECK(map.contains("chair"));
  CHECK(!map.contains("zebra"));
  CHECK(LabelMap().nyu40("chair") == 0);
  CHECK(LabelMap(file("raw_category\tnyu40id\n")).nyu40("chair") == 0);
  CHECK_THROWS_WITH(LabelMap(file("")), Catch::Contains("raw_category"));
  CHECK_THROWS_WITH(LabelMap(file("raw_category\tnyu\n")), Catch::Contains("nyu40id"));
  for (const char* line :
       {"chair", "chair\t", "chair\tx", "chair\t-1", "chair\t256", "chair\t5 "}) {
    CAPTURE(line);
    CHECK_THROWS_WITH(LabelMap(file("raw_category\tnyu40id\n\n" + std::string(line) + "\n")),
                      Catch::Contains("line 3"));
  }
}

TEST_CASE("segments: one for each vertex, whatever else the file holds", "[segments]") {
  const WrittenAnnotation file;
  CHECK(read_segments(file("{\"a\": {\"segIndices\": [9]}, \"segIndices\": [0, 2147483647]}"), 2) ==
        std::vector<std::int32_t>{0, INT32_MAX});
  CHECK_THROWS_WITH(read_segments(file("{\"segIndices\": [1, 2, 3]}"), 2),
                    Catch::Contains("more") && Catch::Contains("2, one a vertex"));
  CHECK_THROWS_WITH(read_segments(file("{\"segIndices\": [1]}"), 2), Catch::Contains("1 entries"));
  for (const char* list : {"7", "null", "{}", "\"x\"", "[1, -1]", "[1, 2147483648]", "[1, 1.5]",
                           "[1, 1e3]", "[1, [2]]", "[1, null]", "[1, \"2\"]", "[1, {}]", "[1, NaN]",
                           "[1, 18446744073709551615]", "[1, 1e999]", "[1,, 2]", "[1 2]"}) {
    CAPTURE(list);
    CHECK_THROWS_AS(read_segments(file("{\"segIndices\": " + std::string(list) + "}"), 2),
                    FormatError);
  }
  for (const char* text : {"", "{}", "[1, 2]", "{\"segIndices\": [1, 2], \"segIndices\": [1, 2]}",
                           "{\"segIndices\": [1, 2]} x"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(read_segments(file(text), 2), FormatError);
  }
}

TEST_CASE("json: depth and tokens are bounded before the parser runs", "[segments]") {
  const WrittenAnnotation file;
  CHECK_THROWS_WITH(read_segments(file(std::string(1 << 20, '[')), 2), Catch::Contains("nested"));
  for (const char filler : {' ', '1', 'x', '\n'}) {
    const std::string run(std::size_t{70000}, filler);
    CHECK_THROWS_WITH(read_segments(file("{\"segIndices\": [" + run + "]}"), 2),
                      Catch::Contains("token"));
    CHECK_THROWS_WITH(read_segments(file("{\"" + run + "\": 1}"), 2), Catch::Contains("token"));
  }
  // Quotes and brackets inside a text are not structure.
  CHECK(read_segments(
            file("{\"a\\\"[[[{\": \"" + std::string(100, '[') + "\\\\\", \"segIndices\": [5]}"),
            1)[0] == 5);
}

TEST_CASE("aggregation: groups in file order", "[segments]") {
  const WrittenAnnotation file;
  const auto groups = read_aggregation(file(
      "{\"segGroups\": [{\"label\": \"t\xc3\xa9l\xc3\xa9\", \"segments\": [], \"objectId\": 7, "
      "\"id\": \"x\"}, {\"objectId\": 0, \"segments\": [3, 1], \"label\": \"\"}]}"));
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].object_id == 7);
  CHECK(groups[0].label == "t\xc3\xa9l\xc3\xa9");
  CHECK(groups[1].segments == std::vector<std::int32_t>{3, 1});
  CHECK(read_aggregation(file("{\"segGroups\": []}")).empty());
  for (const char* body :
       {"\"label\": \"a\", \"segments\": []", "\"objectId\": 1, \"segments\": []",
        "\"objectId\": 1, \"label\": \"a\"", "\"objectId\": -1, \"label\": \"a\", \"segments\": []",
        "\"objectId\": 32768, \"label\": \"a\", \"segments\": []",
        "\"objectId\": 1.5, \"label\": \"a\", \"segments\": []",
        "\"objectId\": \"1\", \"label\": \"a\", \"segments\": []",
        "\"objectId\": 1, \"objectId\": 1, \"label\": \"a\", \"segments\": []",
        "\"objectId\": 1, \"label\": 5, \"segments\": []",
        "\"objectId\": 1, \"label\": \"\\u001b[31m\", \"segments\": []",
        "\"objectId\": 1, \"label\": \"a\", \"segments\": 5",
        "\"objectId\": 1, \"label\": \"a\", \"segments\": {}",
        "\"objectId\": 1, \"label\": \"a\", \"segments\": [-1]",
        "\"objectId\": 1, \"label\": \"a\", \"segments\": [[]]",
        "\"objectId\": 1, \"label\": \"a\", \"segments\": [\"1\"]",
        "\"objectId\": 1, \"label\": \"a\", \"segments\": [], \"segments\": []"}) {
    CAPTURE(body);
    CHECK_THROWS_WITH(read_aggregation(file(group(body))), Catch::Contains("group 0"));
  }
  for (const char* text : {"", "{}", "{\"segGroups\": {}}", "{\"segGroups\": [1]}",
                           "{\"segGroups\": [[]]}", "{\"segGroups\": null}", "[]"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(read_aggregation(file(text)), FormatError);
  }
  CHECK_THROWS_AS(read_aggregation(file(group("\"objectId\": 1, \"segments\": [], \"label\": \"" +
                                              std::string(257, 'a') + "\""))),
                  FormatError);
}

TEST_CASE("instances: overlap, repeated ids, foreign segments, vanished objects", "[objects]") {
  const std::vector<std::int32_t> segments{5, 5, 6, 7, 8};
  using Ids = std::vector<std::int32_t>;
  CHECK(instance_ids(segments, std::vector<SegGroup>{{1, "a", {5, 6}}, {0, "b", {6}}}) ==
        Ids{1, 1, 0, -1, -1});
  // The second group with id 1 replaces the segments of the first, at the first one's place.
  CHECK(instance_ids(segments,
                     std::vector<SegGroup>{{1, "a", {5}}, {0, "b", {6}}, {1, "c", {6, 7}}}) ==
        Ids{-1, -1, 0, 1, -1});
  CHECK_THROWS_WITH(instance_ids(segments, std::vector<SegGroup>{{3, "lamp", {5, 99}}}),
                    Catch::Contains("object 3 ('lamp')") && Catch::Contains("segment 99"));

  const std::vector<Point3f> points{{0, 0, 0}, {1, 2, 3}, {5, 5, 5}, {-1, 0, 0}, {9, 9, 9}};
  const std::vector<SegGroup> groups{{2, "b", {6}}, {0, "a", {5, 6}}, {4, "c", {7}}};
  const auto list = ground_truth_objects(points, instance_ids(segments, groups), groups, {});
  REQUIRE(list.objects.size() == 2);
  CHECK(!list.dense);
  CHECK(list.vanished == Ids{2});
  CHECK(list.objects[0].id == 0);
  CHECK(list.objects[0].box == Box{2.5, 2.5, 2.5, 5, 5, 5});
  CHECK(list.objects[1].id == 4);
  CHECK(list.objects[1].box == Box{-1, 0, 0, 0, 0, 0});
  CHECK(ground_truth_objects({}, {}, {}, {}).dense);
  CHECK_THROWS_AS(ground_truth_objects(points, Ids{0}, groups, {}), InputError);
}

TEST_CASE("scan files: what is there, and where the label table may lie", "[files]") {
  const test::TempFolder temp;
  const auto folder = temp / "scans/scene0001_00";
  std::filesystem::create_directories(folder);
  const ScanFiles empty = find_scan_files(folder);
  CHECK(empty.name == "scene0001_00");
  CHECK(empty.mesh.empty());
  CHECK(!empty.has_annotation());
  CHECK_THROWS_WITH(read_objects(empty, {}, {}), Catch::Contains("segs.json"));
  for (const char* suffix : {".sens", "_vh_clean_2.ply", "_vh_clean_2.0.010000.segs.json",
                             "_vh_clean.aggregation.json", ".txt", ".mask.npz"}) {
    test::write_text(folder / ("scene0001_00" + std::string(suffix)), "x");
  }
  test::write_text(temp / "scannetv2-labels.combined.tsv", "x");
  const ScanFiles files = find_scan_files(folder.string() + "/");
  CHECK(files.name == "scene0001_00");
  CHECK(files.has_annotation());
  CHECK(files.aggregation.filename() == "scene0001_00_vh_clean.aggregation.json");
  for (const auto& path : {files.sens, files.mesh, files.segments, files.text, files.masks}) {
    CHECK(!path.empty());
  }
  CHECK(files.labels == temp / "scannetv2-labels.combined.tsv");
  test::write_text(folder / "scene0001_00.aggregation.json", "x");
  CHECK(find_scan_files(folder).aggregation.filename() == "scene0001_00.aggregation.json");
  CHECK_THROWS_AS(find_scan_files(temp / "none"), InputError);
}

}  // namespace vega::scan
