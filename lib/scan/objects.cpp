#include "scan/objects.h"

#include <algorithm>
#include <limits>
#include <map>

#include "base/error.h"

namespace vega::scan {
namespace {

struct Extent {
  static constexpr float kFar = std::numeric_limits<float>::infinity();
  Point3f lo{kFar, kFar, kFar}, hi{-kFar, -kFar, -kFar};
  std::int64_t count = 0;
};

Box box_of(const Extent& extent) {
  Box box{};
  for (int a = 0; a < 3; ++a) {
    // The release stores the upper corner as min + (max - min), both steps in float32.
    const float size = extent.hi[a] - extent.lo[a];
    const float upper = extent.lo[a] + size;
    const double lo = extent.lo[a], hi = upper;
    box[a] = (lo + hi) / 2;
    box[3 + a] = hi - lo;
  }
  return box;
}

}  // namespace

ObjectList ground_truth_objects(std::span<const Point3f> aligned,
                                std::span<const std::int32_t> instance_of_vertex,
                                std::span<const SegGroup> groups, const LabelMap& labels) {
  if (aligned.size() != instance_of_vertex.size())
    throw InputError(explain("ground-truth objects",
                             std::to_string(instance_of_vertex.size()) + " instance ids",
                             std::to_string(aligned.size()) + ", one a vertex"));
  std::map<std::int32_t, Extent> extents;
  for (const SegGroup& group : groups) extents.try_emplace(group.object_id);
  for (std::size_t i = 0; i < aligned.size(); ++i) {
    if (instance_of_vertex[i] < 0) continue;
    Extent& extent = extents[instance_of_vertex[i]];
    ++extent.count;
    for (int a = 0; a < 3; ++a) {
      extent.lo[a] = std::min(extent.lo[a], aligned[i][a]);
      extent.hi[a] = std::max(extent.hi[a], aligned[i][a]);
    }
  }
  std::map<std::int32_t, const std::string*> names;
  for (const SegGroup& group : groups) names[group.object_id] = &group.label;
  ObjectList list;
  for (const auto& [id, extent] : extents) {
    if (extent.count == 0) {
      list.vanished.push_back(id);
      continue;
    }
    Object object{.id = id, .box = box_of(extent), .vertices = extent.count};
    const auto name = names.find(id);
    if (name != names.end()) object.label = *name->second;
    object.nyu40 = labels.nyu40(object.label);
    list.dense = list.dense && id == static_cast<std::int32_t>(list.objects.size());
    list.objects.push_back(std::move(object));
  }
  return list;
}

ObjectList read_objects(const ScanFiles& files, std::span<const Point3f> aligned,
                        const LabelMap& labels) {
  if (!files.has_annotation())
    throw InputError(explain(files.name, "no segs.json or no aggregation.json",
                             "both, beside the mesh",
                             "test scans have none: use proposals instead"));
  const auto segments = read_segments(files.segments, aligned.size());
  const auto groups = read_aggregation(files.aggregation);
  std::vector<std::int32_t> ids;
  try {
    ids = instance_ids(segments, groups);
  } catch (const InputError& error) {
    throw InputError(files.aggregation.string() + ": " + error.what());
  }
  return ground_truth_objects(aligned, ids, groups, labels);
}

}  // namespace vega::scan
