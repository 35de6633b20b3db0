// Questions about pictures of made-up rooms: answers are found again from the files of the scan
// (mesh, segments, poses; what a picture shows out of objects.json), without the generator.
#include "synth/dataset/pictures.h"

#include <fmt/core.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "scan/files.h"
#include "scan/mesh.h"
#include "scan/segments.h"
#include "score/prepare.h"
#include "score/prepare_files.h"
#include "support/support.h"
#include "synth/dataset/dataset.h"

namespace vega::synth {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;
using Point = std::array<double, 3>;

struct Range {
  double low = 1e30, high = -1e30;
  void take(double v) { low = std::min(low, v), high = std::max(high, v); }
};

class ScannedRoom {
 public:
  explicit ScannedRoom(const fs::path& folder) : folder_(folder) {
    objects_ = json::parse(std::ifstream(folder / "objects.json"))["objects"];
    const scan::ScanFiles files = scan::find_scan_files(folder);
    const auto vertices = scan::read_ply(files.mesh).vertices;
    const auto object_of = scan::instance_ids(scan::read_segments(files.segments, vertices.size()),
                                              scan::read_aggregation(files.aggregation));
    points_.resize(objects_.size());
    for (std::size_t i = 0; i < vertices.size(); ++i)
      if (object_of[i] >= 0)
        points_[static_cast<std::size_t>(object_of[i])].push_back(
            {vertices[i][0], vertices[i][1], vertices[i][2]});
  }

  std::size_t thing(const std::string& name) const {
    std::size_t found = objects_.size(), count = 0;
    for (std::size_t i = 0; i < objects_.size(); ++i)
      if (is(i, name)) found = i, ++count;
    INFO(name);
    REQUIRE(count == 1);
    return found;
  }
  // Things of a plural name that a picture shows.
  int count(const std::string& names, std::size_t picture) const {
    int out = 0;
    for (std::size_t i = 0; i < objects_.size(); ++i) {
      const std::string label = objects_[i]["label"], colour = objects_[i].value("colour", "");
      if (colour.empty() || objects_[i]["pixels"][picture].get<double>() <= 0) continue;
      for (const std::string& one : {label, colour + " " + label})
        out += names == one + "s" || names == one + "es" ? 1 : 0;
    }
    return out;
  }
  // Along the axes of the picture's camera, of every vertex: 0 to the right of the depth, 2 depth.
  std::pair<Range, Range> seen(std::size_t object, const std::string& picture) const {
    const auto pose = camera(picture);
    std::pair<Range, Range> out;
    for (const Point& p : points_[object]) {
      const Point c = turned(pose, {p[0] - pose[3], p[1] - pose[7], p[2] - pose[11]});
      out.first.take(c[0] / c[2]);
      out.second.take(c[2]);
    }
    return out;
  }
  double gap(std::size_t a, std::size_t b) const {
    double least = 1e30;
    for (const Point& p : points_[a])
      for (const Point& q : points_[b])
        least = std::min(least, std::hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]));
    return least;
  }
  Point way(const std::string& from, const std::string& to) const {
    const auto a = camera(from), b = camera(to);
    return turned(a, {b[3] - a[3], b[7] - a[7], b[11] - a[11]});
  }

 private:
  bool is(std::size_t i, const std::string& name) const {
    const std::string label = objects_[i]["label"], colour = objects_[i].value("colour", "");
    return name == (colour.empty() ? label : colour + " " + label);
  }
  std::array<double, 16> camera(const std::string& picture) const {
    std::ifstream file(folder_ / (fs::path(picture).stem().string() + ".txt"));
    std::array<double, 16> out{};
    for (double& number : out) file >> number;
    REQUIRE(file);
    return out;
  }
  static Point turned(const std::array<double, 16>& m, const Point& v) {
    Point out{};
    for (std::size_t a = 0; a < 3; ++a) out[a] = m[a] * v[0] + m[4 + a] * v[1] + m[8 + a] * v[2];
    return out;
  }

  fs::path folder_;
  json objects_;
  std::vector<std::vector<Point>> points_;
};

// What the answer should be; the right choice's text.
std::string expected(const ScannedRoom& room, const json& line) {
  const std::string type = line.value("task", line.value("sub_task", ""));
  const std::string text = line.contains("question") ? line["question"] : line["prompt"];
  const std::string picture = line.value("filename", line.value("image_1", ""));
  std::smatch m;
  const auto words = [&](const char* pattern) {
    INFO(text);
    REQUIRE(std::regex_search(text, m, std::regex(pattern)));
  };
  const auto left = [&] {
    const Range a = room.seen(room.thing(m[1]), picture).first,
                b = room.seen(room.thing(m[2]), picture).first;
    CHECK((a.high <= b.low || b.high <= a.low));
    return a.high <= b.low;
  };
  if (type == "Count") {
    words("^How many (.+) are in the image\\?$");
    return std::to_string(room.count(m[1], std::stoul(fs::path(picture).stem().string())));
  }
  if (type == "Relation") {
    words("^Where is the (.+) in the image, seen from the (.+)\\?$");
    return left() ? "left" : "right";
  }
  if (type == "Spatial_Relation") {
    words("^Is the (.+) left of the (.+)\\?\n");
    return left() ? "yes" : "no";
  }
  if (type == "Depth" || type == "Relative_Depth") {
    words("^Which is closer to the camera of the image, the (.+) or the (.+)\\?");
    const Range a = room.seen(room.thing(m[1]), picture).second,
                b = room.seen(room.thing(m[2]), picture).second;
    CHECK((a.high + 0.2 < b.low || b.high + 0.2 < a.low));
    return a.low < b.low ? m[1] : m[2];
  }
  if (type == "Distance") {
    words("^Which is closer to the (.+) in the room, the (.+) or the (.+)\\?$");
    const std::size_t target = room.thing(m[1]);
    const double a = room.gap(room.thing(m[2]), target), b = room.gap(room.thing(m[3]), target);
    CHECK(std::abs(a - b) > 0.15);
    return a < b ? m[2] : m[3];
  }
  REQUIRE(type == "Multi-view_Reasoning");
  const Point way = room.way(picture, line["image_2"]);
  CHECK(std::abs(way[0]) > 0.49);
  return way[0] < 0 ? "left" : "right";
}

}  // namespace

TEST_CASE("pictures: answers are right of the rooms on disk, for all tasks", "[dataset]") {
  const test::TempFolder temp;
  Context context{.progress = ProgressMode::kOff,
                  .manifest = [](const std::string&, const std::string&) {},
                  .print = [](const std::string&) {}};
  DatasetOptions o;
  o.out = (temp / "data").string(), o.rooms = 2, o.val = 1, o.test = 1, o.frames = 12;
  o.size = {96, 72}, o.texts = 1, o.pictures = 4, o.run.threads = 1;
  CHECK(run_dataset(o, context).exit_code == 0);

  std::map<std::string, int> types;
  std::map<std::string, std::map<std::string, int>> letters;
  const fs::path bench = temp / "data/benchmark";
  std::size_t asked = 0;
  for (const auto& [split, scene] :
       {std::pair{"test", "scene0000_00"}, std::pair{"val", "scene0001_00"}}) {
    const ScannedRoom room(temp / "data/scannet/scans" / scene);
    for (const char* kind : {"cv_bench", "blink"}) {
      std::istringstream lines(test::read_text(bench / kind / (std::string(split) + ".jsonl")));
      for (std::string text; std::getline(lines, text); ++asked) {
        INFO(text);
        const json line = json::parse(text);
        const std::string type = line.value("task", line.value("sub_task", ""));
        const std::string answer = line["answer"];
        const auto right = static_cast<std::size_t>(answer.at(1) - 'A');
        CHECK(line["choices"].at(right) == expected(room, line));
        ++types[type];
        ++letters[type][answer];
      }
    }
  }
  CHECK(types.size() == 7);
  for (const auto& [type, count] : types) {
    CAPTURE(type);
    CHECK(count >= 2);
  }
  CHECK(asked > 30);

  // prepare takes it all, with its pictures.
  for (const auto& [task, split, name] :
       {std::tuple{tasks::Task::kCvBench, score::Split::kTest, "cv_bench/test.jsonl"},
        {tasks::Task::kBlink, score::Split::kVal, "blink/val.jsonl"}}) {
    const score::AnnotationFiles found = score::find_annotations(task, temp / "data", std::nullopt);
    CHECK(found.annotations == bench / name);
    CHECK(found.split == split);
    score::PrepareSources sources{.task = task, .split = split};
    sources.annotations = found.annotations;
    sources.images = temp / "data", sources.beside = true;
    const score::Prepared out = score::prepare_samples(sources);
    CHECK(out.left_out.empty());
    CHECK(out.pictures > 0);
  }
}

}  // namespace vega::synth
