// The answers to VSI-Bench's questions about a made-up room, from the files of its scan: names out
// of objects.json, everything else out of the mesh, its segments, the poses and depth maps. The
// words of a question are read back; nothing of the generator is used. `why` says what is wrong;
// empty: all is right.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "media/decode.h"
#include "media/png.h"
#include "scan/files.h"
#include "scan/mesh.h"
#include "scan/scan_text.h"
#include "scan/segments.h"

namespace vega::ref {

class VsiRoom {
 public:
  using Point = std::array<double, 3>;
  using Flat = std::array<double, 2>;

  explicit VsiRoom(const std::filesystem::path& folder) : folder_(folder) {
    const auto root = nlohmann::json::parse(std::ifstream(folder / "objects.json"));
    pictures_ = root["recipe"]["frames"];
    for (const auto& object : root["objects"]) {
      labels_.push_back(object["label"]);
      colours_.push_back(object.value("colour", ""));
    }
    const scan::ScanFiles files = scan::find_scan_files(folder);
    const auto vertices = scan::read_ply(files.mesh).vertices;
    const auto groups = scan::read_aggregation(files.aggregation);
    const auto object_of =
        scan::instance_ids(scan::read_segments(files.segments, vertices.size()), groups);
    const auto align = scan::read_scan_text(files.text).axis_align;
    raw_.resize(labels_.size()), points_.resize(labels_.size());
    for (std::size_t i = 0; i < vertices.size(); ++i) {
      if (object_of[i] < 0) continue;
      const auto id = static_cast<std::size_t>(object_of[i]);
      const Point p{vertices[i][0], vertices[i][1], vertices[i][2]};
      Point q{};
      for (std::size_t r = 0; r < 3; ++r)
        q[r] = align[4 * r] * p[0] + align[4 * r + 1] * p[1] + align[4 * r + 2] * p[2] +
               align[4 * r + 3];
      raw_[id].push_back(p), points_[id].push_back(q);
    }
  }

  std::string why(const nlohmann::json& line) const {
    try {
      return check(line);
    } catch (const std::exception& error) {
      return error.what();
    }
  }

 private:
  // m: how far the mesh may be from the solids: its vertices are 0.08 m apart. A number is rounded.
  static constexpr double kMesh = 0.03, kTenth = 0.05 + 1e-6;

  std::string check(const nlohmann::json& line) const {
    const std::string type = line["question_type"], text = line["question"],
                      answer = line["ground_truth"];
    std::smatch m;
    const auto words = [&](const char* pattern) {
      if (!std::regex_search(text, m, std::regex(pattern)))
        throw std::runtime_error(fmt::format("not understood: {}", text));
    };
    if (type == "object_counting") {
      words("^How many (.+) are there in this room\\?$");
      return equal(std::stod(answer), static_cast<double>(count(m[1])), 0);
    }
    if (type == "object_abs_distance") {
      words("how far is the (.+) from the (.+), in meters\\?$");
      return equal(std::stod(answer), gap(one(m[1]), one(m[2])), kTenth + kMesh);
    }
    if (type == "object_size_estimation") {
      words("^How long is the (.+) along the longest of its length, width and height, in cent");
      return equal(std::stod(answer) / 100, longest(one(m[1])), 0.005 + 0.01);
    }
    if (type == "room_size_estimation")
      return equal(std::stod(answer), floor_area(), kTenth + 1e-3);

    std::vector<std::string> options;
    for (const std::string option : line["options"]) {
      if (option.substr(0, 3) != fmt::format("{}. ", static_cast<char>('A' + options.size())))
        return fmt::format("option {}", option);
      options.push_back(option.substr(3));
    }
    if (std::set<std::string>(options.begin(), options.end()).size() != options.size())
      return "two equal options";
    if (answer.size() != 1) return "no letter";
    const std::string said = options.at(static_cast<std::size_t>(answer[0] - 'A'));
    if (type == "object_rel_distance") {
      words("which of these is the closest to the (.+): ");
      const std::size_t target = one(m[1]);
      for (const std::string& other : options)
        if (other != said && gap(one(other), target) - gap(one(said), target) < 0.25 - 2 * kMesh)
          return fmt::format("{} is about as near", other);
      return options.size() == 4 ? "" : "not four options";
    }
    if (type.starts_with("object_rel_direction_")) {
      words("^I stand by the (.+) and face the (.+)\\. Is the (.+?) to my ");
      return direction(type, one(m[1]), one(m[2]), one(m[3]), options, said);
    }
    if (type == "route_planning") {
      words(
          "^You are a robot at the (.+) that faces the (.+) and shall go to the (.+)\\. Each gap");
      return route(text, {one(m[1]), one(m[2]), one(m[3])}, options, said);
    }
    if (type == "obj_appearance_order") return order(said);
    return fmt::format("unknown type {}", type);
  }

  static std::string equal(double said, double found, double most) {
    return std::abs(said - found) <= most ? "" : fmt::format("said {}, found {}", said, found);
  }

  std::string name(std::size_t id) const {
    return colours_[id].empty() ? labels_[id] : fmt::format("{} {}", colours_[id], labels_[id]);
  }
  // The only thing of a name.
  std::size_t one(const std::string& wanted) const {
    std::vector<std::size_t> found;
    for (std::size_t id = 0; id < labels_.size(); ++id)
      if (name(id) == wanted) found.push_back(id);
    if (found.size() != 1)
      throw std::runtime_error(fmt::format("{} of '{}'", found.size(), wanted));
    return found[0];
  }
  std::size_t count(const std::string& plural) const {
    std::size_t out = 0;
    for (std::size_t id = 0; id < labels_.size(); ++id) {
      if (colours_[id].empty()) continue;
      const std::string end = labels_[id] == "box" ? "es" : "s";
      out += labels_[id] + end == plural || name(id) + end == plural ? 1 : 0;
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
  // The longest side of the upright box of least footprint.
  double longest(std::size_t id) const {
    double low = 1e30, high = -1e30, area = 1e30, side = 0;
    for (const Point& p : points_[id]) low = std::min(low, p[2]), high = std::max(high, p[2]);
    for (int step = 0; step < 180; ++step) {
      const double angle = step * 3.14159265358979 / 360, c = std::cos(angle), s = std::sin(angle);
      double l[2] = {1e30, 1e30}, h[2] = {-1e30, -1e30};
      for (const Point& p : points_[id]) {
        const double q[2] = {c * p[0] + s * p[1], c * p[1] - s * p[0]};
        for (int a = 0; a < 2; ++a) l[a] = std::min(l[a], q[a]), h[a] = std::max(h[a], q[a]);
      }
      const double x = h[0] - l[0], y = h[1] - l[1];
      if (x * y < area - 1e-9) area = x * y, side = std::max(x, y);
    }
    return std::max(side, high - low);
  }
  // Between the inner faces of the walls. Most vertices of a wall lie on its face: the scan shows
  // nothing of its back but the utmost points.
  double floor_area() const {
    double l[2] = {1e30, 1e30}, h[2] = {-1e30, -1e30};
    for (std::size_t id = 0; id < labels_.size(); ++id) {
      if (labels_[id] != "wall") continue;
      for (std::size_t a = 0; a < 2; ++a) {
        std::vector<double> along;
        for (const Point& p : points_[id]) along.push_back(p[a]);
        std::sort(along.begin(), along.end());
        const std::size_t n = along.size();
        if (n == 0 || along[3 * n / 4] - along[n / 4] > 1e-3) continue;  // the wall runs along it
        l[a] = std::min(l[a], along[n / 2]), h[a] = std::max(h[a], along[n / 2]);
      }
    }
    return (h[0] - l[0]) * (h[1] - l[1]);
  }
  Flat middle(std::size_t id) const {
    double l[2] = {1e30, 1e30}, h[2] = {-1e30, -1e30};
    for (const Point& p : points_[id])
      for (std::size_t a = 0; a < 2; ++a) l[a] = std::min(l[a], p[a]), h[a] = std::max(h[a], p[a]);
    return {(l[0] + h[0]) / 2, (l[1] + h[1]) / 2};
  }
  // How far `to` lies ahead and to the left of one who comes from `from` to `at` and looks on, or
  // stands at `at` and looks away from `from`; of length 1.
  static Flat seen(Flat from, Flat gaze_to, Flat at, Flat to) {
    const double gx = gaze_to[0] - from[0], gy = gaze_to[1] - from[1],
                 g = std::sqrt(gx * gx + gy * gy);
    const double x = to[0] - at[0], y = to[1] - at[1], d = std::sqrt(x * x + y * y);
    return {(gx * x + gy * y) / (g * d), (gx * y - gy * x) / (g * d)};
  }

  std::string direction(const std::string& type, std::size_t a, std::size_t b, std::size_t c,
                        const std::vector<std::string>& options, const std::string& said) const {
    const auto [ahead, left] = seen(middle(a), middle(b), middle(a), middle(c));
    std::string found = left > 0 ? "left" : "right";
    if (type.ends_with("easy")) {
      if (std::abs(left) < 0.4 || options.size() != 2) return "unclear";
    } else if (type.ends_with("medium")) {
      if (ahead < -0.7071) found = "back";
      if ((ahead > -0.85 && ahead < -0.52) || ahead > 0.83 || options.size() != 3) return "unclear";
    } else {
      found = (ahead > 0 ? "front-" : "back-") + found;
      if (std::min(std::abs(left), std::abs(ahead)) < 0.33 || options.size() != 4) return "unclear";
    }
    return said == found ? "" : fmt::format("said {}, found {}", said, found);
  }

  std::string route(const std::string& text, std::array<std::size_t, 3> ends,
                    const std::vector<std::string>& options, const std::string& said) const {
    std::vector<std::size_t> places = {ends[0]};
    const std::regex leg("Go forward to the ([^.]+)\\.");
    for (std::sregex_iterator at(text.begin(), text.end(), leg), none; at != none; ++at)
      places.push_back(one((*at)[1]));
    if (places.size() < 3 || places[1] != ends[1] || places.back() != ends[2])
      return "no such route";
    if (options.size() != (places.size() == 3 ? 3U : 4U)) return "number of options";
    std::string found;
    for (std::size_t i = 1; i < places.size(); ++i) {
      if (const std::string what = in_the_way(places[i - 1], places[i]); !what.empty())
        return fmt::format("{} is in the way", what);
      if (i + 1 == places.size()) break;
      const auto [ahead, left] =
          seen(middle(places[i - 1]), middle(places[i]), middle(places[i]), middle(places[i + 1]));
      const bool back = ahead < -0.93;
      if (!back && std::abs(left) < 0.8) return "an unclear turn";
      found += (found.empty() ? "" : ", ");
      found += back ? "turn back" : left > 0 ? "turn left" : "turn right";
    }
    return said == found ? "" : fmt::format("said {}, found {}", said, found);
  }
  std::string in_the_way(std::size_t a, std::size_t b) const {
    const Flat p = middle(a), q = middle(b);
    const double x = q[0] - p[0], y = q[1] - p[1], length = x * x + y * y;
    static const std::set<std::string> kFlat = {"wall", "floor", "ceiling", "rug",
                                                "skirting board"};
    for (std::size_t id = 0; id < points_.size(); ++id) {
      if (id == a || id == b || kFlat.contains(labels_[id])) continue;
      for (const Point& o : points_[id]) {
        if (o[2] > 1.2) continue;  // what hangs
        const double t = std::clamp(((o[0] - p[0]) * x + (o[1] - p[1]) * y) / length, 0.0, 1.0);
        if (std::hypot(o[0] - p[0] - t * x, o[1] - p[1] - t * y) < 0.14 && !colours_[id].empty())
          return name(id);
      }
    }
    return {};
  }

  // The first picture whose depth map shows a vertex of each thing.
  std::string order(const std::string& said) const {
    std::vector<std::size_t> things;
    const std::regex comma(", ");
    for (std::sregex_token_iterator at(said.begin(), said.end(), comma, -1), none; at != none; ++at)
      things.push_back(one(*at));
    if (things.size() != 4) return "not four things";
    if (first_.empty()) look();
    for (std::size_t i = 0; i + 1 < things.size(); ++i)
      if (first_[things[i]] >= first_[things[i + 1]])
        return fmt::format("{} in picture {}, {} in picture {}", name(things[i]), first_[things[i]],
                           name(things[i + 1]), first_[things[i + 1]]);
    return {};
  }
  std::array<double, 16> matrix(const std::string& file) const {
    std::ifstream in(folder_ / file);
    std::array<double, 16> out{};
    for (double& value : out) in >> value;
    return out;
  }
  void look() const {
    constexpr double kEqual = 0.015;  // m of depth
    first_.assign(labels_.size(), pictures_);
    const auto camera = matrix("depth_intrinsic.txt");
    for (int picture = 0; picture < pictures_; ++picture) {
      const auto pose = matrix(fmt::format("{:05d}.txt", picture));
      const auto path = folder_ / fmt::format("{:05d}.png", picture);
      const ImageU16 depth = decode_png16(read_file(path), path.string());
      for (std::size_t id = 0; id < raw_.size(); ++id) {
        if (first_[id] < pictures_) continue;
        for (const Point& p : raw_[id]) {
          const double d[3] = {p[0] - pose[3], p[1] - pose[7], p[2] - pose[11]};
          double c[3];
          for (std::size_t a = 0; a < 3; ++a)
            c[a] = pose[a] * d[0] + pose[4 + a] * d[1] + pose[8 + a] * d[2];
          if (c[2] < 0.1) continue;
          const double u = camera[0] * c[0] / c[2] + camera[2],
                       v = camera[5] * c[1] / c[2] + camera[6];
          if (u < 0 || v < 0 || u > depth.width - 1 || v > depth.height - 1) continue;
          const auto at = static_cast<std::size_t>(std::lround(v)) * depth.width +
                          static_cast<std::size_t>(std::lround(u));
          if (std::abs(depth.v[at] / 1000.0 - c[2]) < kEqual) {
            first_[id] = picture;
            break;
          }
        }
      }
    }
  }

  std::filesystem::path folder_;
  int pictures_ = 0;
  std::vector<std::string> labels_, colours_;
  std::vector<std::vector<Point>> raw_, points_;  // of the scan's frame, and aligned
  mutable std::vector<int> first_;
};

}  // namespace vega::ref
