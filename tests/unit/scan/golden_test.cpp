// A tiny scan against numpy and SciPy (tests/golden/export_scan.py).
#include <bit>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "scan/mesh.h"
#include "scan/objects.h"
#include "scan/proposals.h"
#include "scan/scan_text.h"
#include "support/support.h"

namespace vega::scan {
namespace {

const std::filesystem::path& folder() {
  static const std::filesystem::path path = test::golden("scan");
  return path;
}

const nlohmann::json& expected() {
  static const nlohmann::json json =
      nlohmann::json::parse(test::read_text(folder() / "expected.json"));
  return json;
}

std::vector<Point3f> points(const nlohmann::json& bits) {
  std::vector<Point3f> out;
  for (const auto& p : bits) {
    const auto at = [&](int a) { return std::bit_cast<float>(p[a].get<std::uint32_t>()); };
    out.push_back({at(0), at(1), at(2)});
  }
  return out;
}

using Rows = std::vector<std::vector<std::int32_t>>;

}  // namespace

TEST_CASE("golden scan: one mesh in three encodings, with properties out of order", "[scan]") {
  for (const char* name : {"ascii.ply", "little.ply", "big.ply"}) {
    CAPTURE(name);
    const Mesh mesh = read_ply(folder() / name);
    CHECK(mesh.vertices == points(expected()["vertices"]));
    CHECK(mesh.colors == expected()["colors"].get<std::vector<std::array<std::uint8_t, 3>>>());
  }
}

TEST_CASE("golden scan: alignment, instances and boxes are those of the release", "[scan]") {
  const ScanFiles files = find_scan_files(folder(), "scene9999_00");
  REQUIRE(files.has_annotation());
  const ScanText text = read_scan_text(files.text);
  CHECK(text.has_axis_align);
  CHECK(text.axis_align == expected()["axis_align"].get<Matrix4>());

  const Mesh mesh = read_ply(folder() / "little.ply");
  const auto aligned = align_points_f32(mesh.vertices, text.axis_align);
  CHECK(aligned == points(expected()["aligned"]));
  const auto exact = align_points(mesh.vertices, text.axis_align);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    for (int a = 0; a < 3; ++a) REQUIRE(static_cast<float>(exact[i][a]) == aligned[i][a]);
  }

  const auto ids = instance_ids(read_segments(files.segments, mesh.vertices.size()),
                                read_aggregation(files.aggregation));
  CHECK(ids == expected()["instance_ids"].get<std::vector<std::int32_t>>());

  const LabelMap labels(folder() / "labels.tsv");
  CHECK(labels.size() == 6);
  const ObjectList list =
      read_objects(files, align_points_f32(mesh.vertices, text.axis_align), labels);
  CHECK(list.dense);
  CHECK(list.vanished.empty());
  const auto& wanted = expected()["objects"];
  REQUIRE(list.objects.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CAPTURE(i);
    CHECK(list.objects[i].id == wanted[i]["id"].get<int>());
    CHECK(list.objects[i].label == wanted[i]["label"].get<std::string>());
    CHECK(list.objects[i].nyu40 == wanted[i]["nyu40"].get<int>());
    CHECK(list.objects[i].vertices == wanted[i]["vertices"].get<std::int64_t>());
    CHECK(list.objects[i].box == wanted[i]["box"].get<Box>());  // bit for bit
  }
}

TEST_CASE("golden scan: masks in every sparse format, boxes in both modes", "[scan]") {
  const auto aligned = points(expected()["aligned"]);
  for (const char* name : {"csr.npz", "csc.npz", "coo.npz"}) {
    CAPTURE(name);
    const InstanceMasks masks = read_masks(folder() / name, aligned.size());
    CHECK(masks.instances == 55);
    CHECK(masks.rows == expected()["masks"].get<Rows>());
    const MaskBoxes cut = mask_boxes(masks, aligned, EmptyMask::kTruncate);
    const MaskBoxes skipped = mask_boxes(masks, aligned, EmptyMask::kSkip);
    CHECK(cut.boxes.size() == 7);  // the eighth mask is empty
    CHECK(skipped.boxes.size() == 49);
    CHECK(skipped.empty == std::vector<std::int32_t>{7});
    for (std::size_t i = 0; i < skipped.boxes.size(); ++i) {
      const Box wanted = expected()["boxes"][static_cast<std::size_t>(skipped.rows[i])].get<Box>();
      CHECK(skipped.boxes[i] == wanted);
      if (i < cut.boxes.size()) {
        CHECK(cut.boxes[i] == wanted);
        CHECK(cut.rows[i] == static_cast<std::int32_t>(i));
      }
    }
  }
  CHECK(read_masks(folder() / "bool.npz", aligned.size()).rows ==
        expected()["masks_bool"].get<Rows>());
  CHECK(read_masks(folder() / "twice.npz", aligned.size()).rows ==
        expected()["masks_twice"].get<Rows>());
  CHECK(read_masks(folder() / "csc.npz", aligned.size(), 3).rows.size() == 3);
  CHECK_THROWS_WITH(read_masks(folder() / "bsr.npz", aligned.size()),
                    Catch::Contains("'bsr'") && Catch::Contains("tocsr"));
  CHECK_THROWS_AS(read_masks(folder() / "csr.npz", aligned.size() + 1), InputError);
}

TEST_CASE("golden scan: every cut of the files is refused", "[scan]") {
  const test::TempFolder temp;
  const auto cuts = [&](const char* name, const auto& read) {
    CAPTURE(name);
    const auto whole = test::read_bytes(folder() / name);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto path = temp / "cut";
      std::filesystem::remove(path);  // writing over a file waits for the disk
      test::write_bytes(path, std::span(whole).first(size));
      CAPTURE(size);
      try {
        read(path);
        FAIL("read");
      } catch (const InputError& error) {  // FormatError is one
        REQUIRE(std::string(error.what()).size() < 4096);
      }
    }
  };
  cuts("little.ply", [](const auto& path) { read_ply(path); });
  cuts("big.ply", [](const auto& path) { read_ply(path); });
  cuts("csr.npz", [](const auto& path) { read_masks(path, 90); });
  cuts("coo.npz", [](const auto& path) { read_masks(path, 90); });
  cuts("scene9999_00_vh_clean_2.0.010000.segs.json",
       [](const auto& path) { read_segments(path, 90); });
  cuts("scene9999_00.aggregation.json", [](const auto& path) { read_aggregation(path); });
}

}  // namespace vega::scan
