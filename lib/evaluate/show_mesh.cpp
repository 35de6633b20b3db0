#include "evaluate/show_mesh.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "evaluate/box_mesh.h"
#include "evaluate/show_order.h"
#include "geometry/transform.h"
#include "run/output_names.h"

namespace vega::evaluate {
namespace {

constexpr Pose kSame{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};

std::string_view name_of(BoxOf of) {
  return of == BoxOf::kTruth ? "truth" : of == BoxOf::kAnswer ? "answer" : "against";
}

// Micrometres; float32 coordinates as doubles would show 17 digits.
template <typename Coordinates>
Json rounded(const Coordinates& coordinates) {
  Json out = Json::list();
  for (const auto value : coordinates)
    out.push(std::stod(fmt::format("{:.6f}", static_cast<double>(value))));
  return out;
}

}  // namespace

BoxFile::BoxFile(std::filesystem::path path) : path_(std::move(path)) {
  if (path_.empty() || path_.extension() == ".json" || path_.extension() == ".ply") return;
  throw UsageError(explain("--boxes", path_.string(), "a name that ends in .ply or .json"));
}

void BoxFile::add(const std::string& id, const std::string& scene, std::span<const CaseBox> boxes,
                  const Pose& aligned_from_scan) {
  if (path_.empty()) return;
  auto at = std::find_if(scenes_.begin(), scenes_.end(),
                         [&](const Scene& one) { return one.name == scene; });
  if (at == scenes_.end()) at = scenes_.insert(at, {scene, {}, aligned_from_scan});
  at->boxes.insert(at->boxes.end(), boxes.begin(), boxes.end());
  const Pose scan_from_aligned = inverse(aligned_from_scan);
  for (const CaseBox& one : boxes) {
    Json corners_scan = Json::list();
    for (const Point3& corner : corners(one.box))
      corners_scan.push(rounded(transform(scan_from_aligned, corner)));
    boxes_.push({{"id", id},
                 {"scene", scene},
                 {"of", name_of(one.of)},
                 {"box_aligned", rounded(one.box)},
                 {"corners_scan", std::move(corners_scan)}});
  }
}

void BoxFile::write() const {
  if (path_.empty()) return;
  if (path_.extension() == ".json") {
    const Json out{{"schema", "vega.boxes/1"}, {"boxes", boxes_}};
    publish_output(path_, out.dump(2) + "\n");
    return;
  }
  for (const Scene& scene : scenes_) {
    std::vector<DrawnBox> drawn;
    for (const CaseBox& one : scene.boxes) {
      const Color color = box_pen(one.of).color;
      drawn.push_back({one.box, {color.r, color.g, color.b}});
    }
    std::filesystem::path name = path_;
    name.replace_extension();
    if (scenes_.size() > 1) name += "-" + name_part(scene.name);
    for (const bool aligned : {false, true}) {
      const std::string file = name.string() + (aligned ? "-aligned.ply" : ".ply");
      publish_output(file, box_mesh(drawn, aligned ? kSame : inverse(scene.aligned_from_scan),
                                    scene.name + ": boxes of questions, in the " +
                                        (aligned ? "axis-aligned frame" : "frame of the scan")));
      log_info("{} lies over the {} mesh of {}", file, aligned ? "aligned" : "scan's own",
               scene.name);
    }
  }
}

}  // namespace vega::evaluate
