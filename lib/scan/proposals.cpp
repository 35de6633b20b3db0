#include "scan/proposals.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "scan/detail.h"

namespace vega::scan {
namespace {

constexpr std::size_t kMostBoxes = 65536;

// "[cx, cy, cz, dx, dy, dz]"; nothing where it is something else.
std::optional<Box> box_of(const Json& value) {
  if (!value.is_list() || value.size() != 6) return std::nullopt;
  Box box{};
  for (std::size_t k = 0; k < 6; ++k) {
    const auto number = value[k].number();
    if (!number || !std::isfinite(*number) || (k >= 3 && *number < 0)) return std::nullopt;
    box[k] = *number;
  }
  return box;
}

}  // namespace

MaskBoxes mask_boxes(const InstanceMasks& masks, std::span<const Point3f> aligned,
                     EmptyMask empty) {
  MaskBoxes out;
  bool stopped = false;
  for (std::size_t row = 0; row < masks.rows.size(); ++row) {
    const auto& vertices = masks.rows[row];
    if (vertices.empty()) {
      out.empty.push_back(static_cast<std::int32_t>(row));
      stopped = stopped || empty == EmptyMask::kTruncate;
    }
    if (vertices.empty() || stopped) continue;
    constexpr double kFar = std::numeric_limits<double>::infinity();
    Point3d lo{kFar, kFar, kFar}, hi{-kFar, -kFar, -kFar};
    for (const std::int32_t vertex : vertices) {
      if (vertex < 0 || static_cast<std::size_t>(vertex) >= aligned.size())
        throw InputError(explain("mask " + std::to_string(row), "vertex " + std::to_string(vertex),
                                 "0 to " + std::to_string(aligned.size()) + ", exclusive"));
      for (int a = 0; a < 3; ++a) {
        const double value = aligned[static_cast<std::size_t>(vertex)][a];
        lo[a] = std::min(lo[a], value), hi[a] = std::max(hi[a], value);
      }
    }
    Box box{};
    for (int a = 0; a < 3; ++a) box[a] = (lo[a] + hi[a]) / 2, box[3 + a] = hi[a] - lo[a];
    out.boxes.push_back(box);
    out.rows.push_back(static_cast<std::int32_t>(row));
  }
  return out;
}

std::optional<std::vector<Box>> read_box_json(const std::filesystem::path& path,
                                              const std::string& scene) {
  const std::string key = detail::release_name(scene);
  std::optional<std::vector<Box>> boxes;
  detail::read_members(
      path, "JSON with a list of boxes a scene", [&](auto& name, const Json& list) {
        if (name != key) return;
        const std::string where = path.string() + ": scene '" + detail::printable(key) + "'";
        if (!list.is_list() || list.size() > kMostBoxes)
          detail::fail(where, shown(list), "a list of at most 65536 boxes");
        boxes.emplace();
        for (const Json& value : list.elements()) {
          const auto box = box_of(value);
          if (!box)
            detail::fail(where + ", box " + std::to_string(boxes->size()), shown(value),
                         "[cx, cy, cz, dx, dy, dz], metres, extents of 0 or more");
          boxes->push_back(*box);
        }
      });
  return boxes;
}

}  // namespace vega::scan
