#include <bit>
#include <cstdio>
#include <map>

#include "base/json.h"
#include "base/publish.h"
#include "synth/scan.h"
#include "weights/zip_writer.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

static_assert(std::endian::native == std::endian::little, "PLY and npy are written as they are");

template <typename T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string ply_bytes(const RoomScan& scan) {
  std::string out = "ply\nformat binary_little_endian 1.0\ncomment vega-synth\nelement vertex " +
                    std::to_string(scan.vertices.size()) +
                    "\nproperty float x\nproperty float y\nproperty float z\nproperty uchar red\n"
                    "property uchar green\nproperty uchar blue\nproperty uchar alpha\n"
                    "element face " +
                    std::to_string(scan.faces.size()) +
                    "\nproperty list uchar int vertex_indices\nend_header\n";
  for (std::size_t i = 0; i < scan.vertices.size(); ++i) {
    append(out, scan.vertices[i]);
    append(out, scan.colors[i]);
    append(out, std::uint8_t{255});
  }
  for (const auto& face : scan.faces) {
    append(out, std::uint8_t{3});
    append(out, face);
  }
  return out;
}

std::string text_of(const RoomScan& scan, const ScanCamera& camera) {
  char line[64];
  std::string text = "axisAlignment =";
  for (const double value : scan.axis_align) {
    std::snprintf(line, sizeof line, " %.6f", value);
    text += line;
  }
  text += '\n';
  const RoomIntrinsics& k = camera.camera;
  const std::pair<const char*, int> sizes[] = {{"colorHeight", k.height},
                                               {"colorWidth", k.width},
                                               {"depthHeight", k.height},
                                               {"depthWidth", k.width}};
  for (const auto& [name, value] : sizes) {
    std::snprintf(line, sizeof line, "%s = %d\n", name, value);
    text += line;
  }
  for (const char* image : {"color", "depth"}) {
    const std::pair<const char*, double> values[] = {
        {"fx", k.fx}, {"fy", k.fy}, {"mx", k.cx}, {"my", k.cy}};
    for (const auto& [name, value] : values) {
      std::snprintf(line, sizeof line, "%s_%s = %.6f\n", name, image, value);
      text += line;
    }
  }
  std::snprintf(line, sizeof line, "numColorFrames = %d\nnumDepthFrames = %d\n", camera.frames,
                camera.frames);
  return text + line + "sceneType = Synthetic room\n";
}

// NYU40 classes of the room's labels; what stands in no class of its own is 40 (other prop).
int nyu40_of(const std::string& label) {
  static const std::map<std::string, int> kClasses = {
      {"wall", 1},        {"floor", 2},      {"cabinet", 3},        {"chair", 5},
      {"armchair", 5},    {"sofa", 6},       {"coffee table", 7},   {"side table", 7},
      {"window", 9},      {"bookshelf", 10}, {"picture", 11},       {"desk", 14},
      {"pillow", 18},     {"rug", 20},       {"ceiling", 22},       {"books", 23},
      {"television", 25}, {"box", 29},       {"floor lamp", 35},    {"pendant lamp", 35},
      {"table lamp", 35}, {"door", 8},       {"skirting board", 38}};
  const auto found = kClasses.find(label);
  return found == kClasses.end() ? 40 : found->second;
}

std::string label_table_of(const RoomScan& scan) {
  std::map<std::string, int> counts;
  for (const scan::SegGroup& group : scan.groups) ++counts[group.label];
  return label_table(std::move(counts));
}

std::string segments_text(const RoomScan& scan, const std::string& name) {
  return Json{{"params", {{"kThresh", "0.010000"}, {"segMinVerts", "1"}}},
              {"sceneId", name},
              {"segIndices", scan.segments}}
      .dump();
}

std::string aggregation_text(const RoomScan& scan, const std::string& name) {
  Json groups = Json::list();
  for (const scan::SegGroup& group : scan.groups) {
    groups.push({{"id", group.object_id},
                 {"objectId", group.object_id},
                 {"segments", group.segments},
                 {"label", group.label}});
  }
  return Json{{"sceneId", "scannet." + name},
              {"appId", "vega-synth"},
              {"segGroups", groups},
              {"segmentsFile", "scannet." + name + "_vh_clean_2.0.010000.segs.json"}}
      .dump();
}

// A .npy of one array; `shape` as numpy prints it, "()" or "(3,)".
std::string npy(const std::string& descr, const std::string& shape, std::string_view values) {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.append(63 - (10 + header.size()) % 64, ' ');  // 10 bytes before it, a newline behind it
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  append(out, static_cast<std::uint16_t>(header.size()));
  return out.append(header).append(values);
}

template <typename T>
std::string npy(const std::string& descr, const std::vector<T>& values) {
  return npy(descr, "(" + std::to_string(values.size()) + ",)",
             {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

void write_masks(const RoomScan& scan, const fs::path& path) {
  std::vector<std::int32_t> indices, pointers{0};
  for (const RoomMask& mask : scan.masks) {
    indices.insert(indices.end(), mask.vertices.begin(), mask.vertices.end());
    pointers.push_back(static_cast<std::int32_t>(indices.size()));
  }
  const std::vector<std::int64_t> shape{static_cast<std::int64_t>(scan.masks.size()),
                                        static_cast<std::int64_t>(scan.vertices.size())};
  ZipWriter zip(path);
  zip.add("indices.npy", npy("<i4", indices));
  zip.add("indptr.npy", npy("<i4", pointers));
  zip.add("format.npy", npy("|S3", "()", "csr"));
  zip.add("shape.npy", npy("<i8", shape));
  zip.add("data.npy", npy("|b1", std::vector<std::uint8_t>(indices.size(), 1)));
  zip.publish();
}

}  // namespace

std::string label_table(std::map<std::string, int> counts) {
  counts.try_emplace("case", 0);
  std::string text =
      "id\traw_category\tcategory\tcount\tnyu40id\teigen13id\tnyuClass\tnyu40class\teigen13class\t"
      "ModelNet40\tModelNet10\tShapeNetCore55\tsynsetoffset\twnsynsetid\twnsynsetkey\tmpcat40\t"
      "mpcat40index\n";
  int id = 0;
  for (const auto& [label, count] : counts) {
    text += std::to_string(++id) + '\t' + label + '\t' + label + '\t' + std::to_string(count) +
            '\t' + std::to_string(nyu40_of(label)) + std::string(12, '\t') + '\n';
  }
  return text;
}

void write_scan(const RoomScan& scan, const ScanCamera& camera, const fs::path& folder,
                const std::string& name) {
  publish_file(folder / (name + "_vh_clean_2.ply"), std::string_view(ply_bytes(scan)));
  publish_file(folder / (name + "_vh_clean_2.0.010000.segs.json"),
               std::string_view(segments_text(scan, name)));
  publish_file(folder / (name + ".aggregation.json"),
               std::string_view(aggregation_text(scan, name)));
  publish_file(folder / (name + ".txt"), std::string_view(text_of(scan, camera)));
  publish_file(folder / "scannetv2-labels.combined.tsv", std::string_view(label_table_of(scan)));
  write_masks(scan, folder / (name + ".mask.npz"));
}

}  // namespace vega
