#include "evaluate/located.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/printable.h"
#include "evaluate/box_mesh.h"
#include "geometry/transform.h"

namespace vega::evaluate {
namespace {

// Six decimals are micrometres; float32 coordinates as doubles would show 17 digits.
template <typename Coordinates>
Json rounded(const Coordinates& coordinates) {
  Json out = Json::list();
  for (const auto value : coordinates)
    out.push(std::stod(fmt::format("{:.6f}", static_cast<double>(value))));
  return out;
}

Json corners_in_scan(const Located& located, const Box& box) {
  const Pose scan_from_aligned = inverse(located.aligned_from_scan);
  Json out = Json::list();
  for (const Point3& corner : corners(box)) out.push(rounded(transform(scan_from_aligned, corner)));
  return out;
}

Json candidate_json(const Candidate& one) {
  Json out{{"id", one.id},
           {"score", std::round(one.score * 1e6) / 1e6},
           {"box_aligned", rounded(one.box)}};
  if (!one.label.empty()) out.set("label", one.label);
  return out;
}

}  // namespace

const Candidate* Located::best() const {
  if (candidates.empty()) return nullptr;
  if (none && *none > candidates.front().score) return nullptr;
  return &candidates.front();
}

Json to_json(const Located& located, std::size_t most) {
  Json out{{"locate", located.text}};
  const Candidate* best = located.best();
  out.set("found", best != nullptr);
  if (best != nullptr) {
    const Json seen = candidate_json(*best);
    for (const JsonMember& member : seen.members()) out.set(member.name, member.value);
    out.set("corners_scan", corners_in_scan(located, best->box));
  }
  if (located.none) out.set("score_none", std::round(*located.none * 1e6) / 1e6);
  Json list = Json::list();
  const std::size_t count = std::min(most, located.candidates.size());
  for (std::size_t i = 0; i < count; ++i) list.push(candidate_json(located.candidates[i]));
  out.set("proposals", located.candidates.size());
  out.set("best", std::move(list));
  return out;
}

std::string to_text(const Located& located) {
  const std::string none =
      located.none ? fmt::format(" (no such object: {:.3f})", *located.none) : "";
  const Candidate* best = located.best();
  if (best == nullptr)
    return fmt::format("{}: no object of {} is meant{}\n", printable(visible(located.text)),
                       located.candidates.size(), none);
  const Box& b = best->box;
  const Point3 at = transform(inverse(located.aligned_from_scan), {b[0], b[1], b[2]});
  std::string out =
      fmt::format("{}: object {}{}, score {:.3f}{}\n", printable(visible(located.text)), best->id,
                  best->label.empty() ? "" : ", " + visible(best->label), best->score, none);
  out += fmt::format(
      "  aligned frame: centre {:.3f} {:.3f} {:.3f} m, size {:.3f} x {:.3f} x {:.3f} m\n", b[0],
      b[1], b[2], b[3], b[4], b[5]);
  out += fmt::format("  scan frame:    centre {:.3f} {:.3f} {:.3f} m\n", at[0], at[1], at[2]);
  return out;
}

std::string to_mesh(const Located& located, bool aligned) {
  std::vector<DrawnBox> boxes;
  if (const Candidate* best = located.best()) boxes.push_back({best->box});
  Pose from_aligned{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  if (!aligned) from_aligned = inverse(located.aligned_from_scan);
  return box_mesh(boxes, from_aligned,
                  "what '" + located.text + "' means, in the " +
                      (aligned ? "axis-aligned frame" : "frame of the scan"));
}

}  // namespace vega::evaluate
