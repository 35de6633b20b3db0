#include "scan/proposals.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "scan/detail.h"

namespace vega::scan {
namespace {

constexpr std::size_t kMostBoxes = 65536;
constexpr std::string_view kPrefix = "scannet/";

class BoxSink final : public detail::JsonSink {
 public:
  BoxSink(const std::string& where, const std::string& key)
      : where_(where + ": scene '" + detail::printable(key) + "'"),
        list_('/' + detail::path_key(key)),
        box_(list_ + "/#"),
        item_(box_ + "/#") {}

  void open(const std::string& path, bool list) override {
    if (path.empty() && list) detail::fail(where_, "a list", "an object with a list a scene");
    if (path == list_) {
      if (!list || boxes) refuse(boxes ? "the scene twice" : "an object");
      boxes.emplace();
    } else if (path == box_) {
      if (!list) refuse("an object");
      if (boxes->size() == kMostBoxes) refuse("more than 65536 boxes");
      boxes->emplace_back();
      count_ = 0;
    } else if (path == item_) {
      refuse("a list or an object in a box");
    }
  }
  void close(const std::string& path) override {
    if (path != box_) return;
    if (count_ != 6) refuse(std::to_string(count_) + " numbers");
    const Box& box = boxes->back();
    if (box[3] < 0 || box[4] < 0 || box[5] < 0) refuse("a negative extent");
  }
  void number(const std::string& path, double value, std::optional<std::int64_t>) override {
    if (path.empty()) return other(path);
    if (path == list_ || path == box_) refuse("a number");
    if (path != item_) return;
    if (!std::isfinite(value)) refuse("a number that is not finite");
    if (count_ < 6) boxes->back()[count_] = value;
    ++count_;
  }
  void text(const std::string& path, const std::string&) override { other(path); }
  void other(const std::string& path) override {
    if (path == list_ || path == box_ || path == item_) refuse("no number");
    if (path.empty()) detail::fail(where_, "a value", "an object with a list a scene");
  }

  std::optional<std::vector<Box>> boxes;

 private:
  [[noreturn]] void refuse(const std::string& got) const {
    detail::fail(where_ + (boxes && !boxes->empty() ? ", box " + std::to_string(boxes->size() - 1)
                                                    : std::string()),
                 got, "a list of boxes [cx, cy, cz, dx, dy, dz], metres");
  }

  std::string where_, list_, box_, item_;
  std::size_t count_ = 0;
};

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
  const std::string where = path.string();
  const std::string key = scene.starts_with(kPrefix) ? scene : std::string(kPrefix) + scene;
  BoxSink sink(where, key);
  detail::read_json(path, "JSON with a list of boxes a scene", sink);
  return std::move(sink.boxes);
}

}  // namespace vega::scan
