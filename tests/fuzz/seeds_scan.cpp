// Seeds of the readers of scans: meshes, annotation, box and frame lists.
#include <bit>
#include <initializer_list>

#include "fuzz/hostile.h"
#include "fuzz/seeds.h"

namespace vega::fuzz {
namespace {

const std::string kXyz = "property float x\nproperty float y\nproperty float z\n";

std::string ply(const std::string& format, const std::string& elements, const std::string& data) {
  return "ply\nformat " + format + " 1.0\n" + elements + "end_header\n" + data;
}

std::string little_floats(std::initializer_list<float> values) {
  std::string out;
  for (const float value : values) out += little(std::bit_cast<std::uint32_t>(value), 4);
  return out;
}

std::string vertices(const std::string& count) { return "element vertex " + count + "\n" + kXyz; }

}  // namespace

void add_ply_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& file) { seeds.add("ply", name, file); };
  const std::string binary = "binary_little_endian", faces =
                                                         "element face 2\nproperty list uchar "
                                                         "int vertex_indices\n";
  const std::string colors =
      "property uchar red\nproperty uchar green\nproperty uchar blue\n"
      "property uchar alpha\n";
  const std::string one = little_floats({1, 2, 3}) + "\x10\x20\x30\xff";
  const std::string face = "\x03" + little(0, 4) + little(1, 4) + little(1, 4);
  add("ok-ascii.ply", ply("ascii", vertices("2") + faces, "0 1 2\n3 4 -5e-1\n3 0 1 1\n0\n"));
  add("ok-binary.ply",
      ply(binary, vertices("2") + colors + faces, one + one + face + std::string(1, 0)));
  add("ok-big.ply", ply("binary_big_endian", vertices("1"),
                        "\x3f\x80" + std::string(2, 0) + "\x40" + std::string(7, 0)));
  add("ok-list-inside.ply", ply("ascii",
                                "element a 1\nproperty list ushort double b\n" + vertices("1") +
                                    "property list char short c\n",
                                "2 5 6 1 2 3 1 9"));
  add("bad-empty.ply", "");
  add("bad-no-ply.ply", "plx\n");
  add("bad-no-end.ply", "ply\nformat ascii 1.0\n" + vertices("1"));
  add("bad-cut.ply", ply(binary, vertices("2"), little_floats({1, 2, 3, 4, 5})));
  add("bad-cut-face.ply", ply(binary, vertices("1") + faces, little_floats({1, 2, 3}) + face));
  add("bad-count.ply", ply(binary, vertices("2147483648"), little_floats({1, 2, 3})));
  add("bad-count-ascii.ply", ply("ascii", vertices("2147483648"), "1 2 3\n"));
  add("bad-count-giant.ply", ply(binary, vertices("184467440737095516160"), ""));
  add("bad-negative.ply", ply(binary, vertices("-1"), ""));
  add("bad-list-giant.ply",
      ply("ascii", vertices("1") + "element f 1\nproperty list uint double d\n",
          "1 2 3 4294967295 1"));
  add("bad-list-negative.ply",
      ply("ascii", vertices("1") + "element f 1\nproperty list int int d\n", "1 2 3 -1"));
  add("bad-nan.ply", ply("ascii", vertices("2"), "1 2 3 nan 5 6"));
  add("bad-inf.ply", ply("ascii", vertices("1"), "1 2 1e999"));
  add("bad-word.ply", ply("ascii", vertices("1"), "1 2 three\x1b[31m"));
  add("bad-colour.ply", ply("ascii", vertices("1") + colors, "1 2 3 300 0 0 0"));
  add("bad-twice.ply", ply("ascii", vertices("1") + kXyz, "1 2 3 1 2 3"));
  add("bad-no-z.ply",
      ply("ascii", "element vertex 1\nproperty float x\nproperty float y\n", "1 2"));
  add("bad-type.ply", ply("ascii", "element vertex 1\nproperty half x\n", "1"));
  add("bad-list-float.ply", ply("ascii", vertices("1") + "property list float int d\n", "1 2 3 0"));
  add("bad-version.ply", "ply\nformat ascii 2.0\n" + vertices("1") + "end_header\n1 2 3\n");
  add("bad-control.ply", "ply\n\x1b[31m\n");
  add("bad-properties.ply",
      ply("ascii", "element vertex 1\n" + repeat("property float x\n", 300), "1"));
  add("bad-long-header.ply", "ply\n" + repeat("comment\n", 10000));
}

void add_annotation_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& json) {
    seeds.add("annotation", name, json);
  };
  const std::string group = "{\"objectId\":0,\"label\":\"chair\",\"segments\":[1,2]}";
  add("ok-segs.json", "{\"params\":{\"kThresh\":\"0.01\"},\"segIndices\":[1,1,2,3]}");
  add("ok-groups.json", "{\"segGroups\":[" + group +
                            ",{\"id\":1,\"segments\":[3],\"label\":\"t\xc3\xa9l\xc3\xa9\","
                            "\"objectId\":32767}]}");
  add("ok-replaced.json",
      "{\"segGroups\":[" + group + ",{\"segments\":[3],\"label\":\"\",\"objectId\":0}]}");
  add("ok-no-groups.json", "{\"segGroups\":[]}");
  add("bad-empty.json", "");
  add("bad-nothing.json", "{}");
  add("bad-cut.json", "{\"segIndices\":[1,1,2");
  add("bad-few.json", "{\"segIndices\":[1,1,2]}");
  add("bad-many.json", "{\"segIndices\":[1" + repeat(",1", 20000) + "]}");
  add("bad-negative.json", "{\"segIndices\":[1,1,2,-1]}");
  add("bad-large.json", "{\"segIndices\":[1,1,2,2147483648]}");
  add("bad-giant.json", "{\"segIndices\":[1,1,2," + std::string(1000, '9') + "]}");
  add("bad-fraction.json", "{\"segIndices\":[1,1,2,0.5]}");
  add("bad-nan.json", "{\"segIndices\":[1,1,2,NaN]}");
  add("bad-text.json", "{\"segIndices\":[1,1,2,\"3\"]}");
  add("bad-object.json", "{\"segIndices\":{\"0\":1}}");
  add("bad-twice.json", "{\"segIndices\":[1,1,2,3],\"segIndices\":[1,1,2,3]}");
  add("bad-deep.json", repeat("[", 60000));
  add("bad-deep-value.json", "{\"a\":" + repeat("[", 40) + repeat("]", 40) + ",\"segIndices\":[]}");
  add("bad-long-token.json",
      "{\"segIndices\":[" + std::string(65000, '1') + std::string(2000, '1') + "]}");
  add("bad-utf8.json", "{\"\xff\":1,\"segIndices\":[1,1,2,3]}");
  add("bad-groups-cut.json", "{\"segGroups\":[" + group);
  add("bad-groups-number.json", "{\"segGroups\":5}");
  add("bad-group-list.json", "{\"segGroups\":[[]]}");
  add("bad-no-id.json", "{\"segGroups\":[{\"label\":\"a\",\"segments\":[]}]}");
  add("bad-no-label.json", "{\"segGroups\":[{\"objectId\":0,\"segments\":[]}]}");
  add("bad-no-segments.json", "{\"segGroups\":[{\"objectId\":0,\"label\":\"a\"}]}");
  add("bad-id.json", "{\"segGroups\":[{\"objectId\":32768,\"label\":\"a\",\"segments\":[]}]}");
  add("bad-id-text.json", "{\"segGroups\":[{\"objectId\":\"0\",\"label\":\"a\",\"segments\":[]}]}");
  add("bad-segment.json", "{\"segGroups\":[{\"objectId\":0,\"label\":\"a\",\"segments\":[99]}]}");
  add("bad-segment-list.json",
      "{\"segGroups\":[{\"objectId\":0,\"label\":\"a\",\"segments\":[[1]]}]}");
  add("bad-control.json",
      "{\"segGroups\":[{\"objectId\":0,\"label\":\"\\u001b[31m\",\"segments\":[]}]}");
  add("bad-long-label.json", "{\"segGroups\":[{\"objectId\":0,\"label\":\"" +
                                 std::string(5000, 'x') + "\",\"segments\":[]}]}");
}

void add_boxes_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& json) {
    seeds.add("boxes", name, json);
  };
  const std::string box = "[1,2,3,0.5,1e-3,0]";
  const auto scene = [](const std::string& value) { return "{\"scannet/s\":" + value + "}"; };
  add("ok-boxes.json", "{\"scannet/r\":5,\"scannet/s\":[" + box + "," + box + "]}");
  add("ok-none.json", scene("[]"));
  add("ok-other.json", "{\"scannet/t\":[" + box + "]}");
  add("bad-empty.json", "");
  add("bad-list.json", "[" + box + "]");
  add("bad-number.json", "5");
  add("bad-cut.json", "{\"scannet/s\":[" + box);
  add("bad-five.json", scene("[[1,2,3,4,5]]"));
  add("bad-seven.json", scene("[[1,2,3,4,5,6,7]]"));
  add("bad-nan.json", scene("[[1,2,3,4,5,NaN]]"));
  add("bad-large.json", scene("[[1,2,3,4,5,1e999]]"));
  add("bad-negative.json", scene("[[1,2,3,4,5,-6]]"));
  add("bad-nested.json", scene("[[1,2,3,4,5,[6]]]"));
  add("bad-null.json", scene("null"));
  add("bad-text.json", scene("[\"1 2 3 4 5 6\"]"));
  add("bad-twice.json", "{\"scannet/s\":[],\"scannet/s\":[]}");
  add("bad-many.json", scene("[[]" + repeat(",[]", 10) + "]"));
  add("bad-deep.json", repeat("{\"a\":", 5000));

  const std::string align = "\"axis_align_matrix\":[[0,-1,0,2],[1,0,0,3],[0,0,1,4],[0,0,0,1]]";
  const std::string camera = "\"depth_cam2img\":[[5,0,3,0],[0,5,2,0],[0,0,1,0],[0,0,0,1]]";
  const std::string images =
      "\"images\":[{\"img_path\":\"a/00010.jpg\"},{\"img_path\":\"20.jpg\"}]";
  const auto item = [](const std::string& body) {
    return "{\"data_list\":[{\"sample_idx\":\"scannet/s\"," + body + "}]}";
  };
  add("ok-frames.json", item(align + "," + camera + "," + images));
  add("ok-frames-other.json", "{\"data_list\":[{\"sample_idx\":\"scannet/t\",\"images\":5},{}]}");
  add("bad-frames-cut.json", item(align + "," + camera + "," + images).substr(0, 150));
  add("bad-frames-nothing.json", "{\"a\":\"data_list\"}");
  add("bad-frames-number.json", "{\"data_list\":5}");
  add("bad-frames-align.json", item(camera + "," + images));
  add("bad-frames-mirror.json",
      item("\"axis_align_matrix\":[[-1,0,0,0],[0,1,0,0],[0,0,1,0],[0,0,0,1]]," + camera + "," +
           images));
  add("bad-frames-shape.json", item(align + ",\"depth_cam2img\":[[1,2],[3,4]]," + images));
  add("bad-frames-rows.json",
      item(align + ",\"depth_cam2img\":[" + repeat("[1,2,3,4],", 5000) + "[]]," + images));
  add("bad-frames-no-path.json", item(align + "," + camera + ",\"images\":[{}]"));
  add("bad-frames-no-number.json",
      item(align + "," + camera + ",\"images\":[{\"img_path\":\"\\u001b[31m.jpg\"}]"));
  add("bad-frames-long.json", item(align + "," + camera + ",\"images\":[{\"img_path\":\"" +
                                   std::string(5000, 'x') + "1.jpg\"}]"));
  add("bad-frames-twice.json", item(align + "," + camera + "," + images + "," + images));
}

}  // namespace vega::fuzz
