#include "scan/segments.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "scan/detail.h"

namespace vega::scan {
namespace {

constexpr std::int64_t kMostSegment = INT32_MAX;
constexpr std::int64_t kMostId = 32767;
constexpr std::size_t kMostGroups = 32768, kMostLabel = 256;

constexpr const char* kSegments = "a list with a segment id (0..2147483647) a vertex";
constexpr const char* kGroups =
    "a list of groups, each with objectId (0..32767), label (text, at most 256 bytes) and segments "
    "(0..2147483647)";

bool is_label(const std::string& text) {
  return text.size() <= kMostLabel && std::none_of(text.begin(), text.end(), [](unsigned char c) {
           return c < 0x20 || c == 0x7f;
         });
}

}  // namespace

std::vector<std::int32_t> read_segments(const std::filesystem::path& path,
                                        std::size_t vertex_count) {
  const std::string where = path.string() + ": segIndices";
  const auto refuse_count = [&](const std::string& got) {
    throw InputError(explain(where, got + " entries",
                             std::to_string(vertex_count) + ", one a vertex of the mesh",
                             "take both files from the same scan"));
  };
  std::vector<std::int32_t> segments;
  segments.reserve(vertex_count);
  detail::read_list(path, "segIndices", kSegments, [&](auto index, const Json& entry, auto&) {
    const auto segment = detail::whole_to(entry, kMostSegment);
    if (!segment)
      detail::fail(where, "entry " + std::to_string(index) + ": " + shown(entry), kSegments);
    if (segments.size() == vertex_count) refuse_count("more");
    segments.push_back(*segment);
  });
  if (segments.size() != vertex_count) refuse_count(std::to_string(segments.size()));
  return segments;
}

std::vector<SegGroup> read_aggregation(const std::filesystem::path& path) {
  std::vector<SegGroup> groups;
  detail::read_list(path, "segGroups", kGroups, [&](auto index, const Json& item, auto& twice) {
    const auto refuse = [&](const std::string& got) {
      detail::fail(path.string() + ": segGroups, group " + std::to_string(index), got, kGroups);
    };
    if (!item.is_object()) refuse(shown(item));
    if (!twice.empty()) refuse("two " + twice);
    if (groups.size() == kMostGroups) refuse("more than 32768 groups");
    const auto id = detail::whole_to(item["objectId"], kMostId);
    if (!id) refuse("objectId " + shown(item["objectId"]));
    const std::string* label = item["label"].text();
    if (label == nullptr || !is_label(*label)) refuse("label " + shown(item["label"]));
    if (!item["segments"].is_list()) refuse("segments " + shown(item["segments"]));
    SegGroup group{*id, *label, {}};
    for (const Json& entry : item["segments"].elements()) {
      const auto segment = detail::whole_to(entry, kMostSegment);
      if (!segment) refuse("segment " + shown(entry));
      group.segments.push_back(*segment);
    }
    groups.push_back(std::move(group));
  });
  return groups;
}

std::vector<std::int32_t> instance_ids(std::span<const std::int32_t> segment_of_vertex,
                                       std::span<const SegGroup> groups) {
  // Places in the order of first occurrence, segments of the last: a Python dictionary.
  std::vector<const SegGroup*> order;
  std::unordered_map<std::int32_t, std::size_t> place;
  for (const SegGroup& group : groups) {
    const auto [at, fresh] = place.try_emplace(group.object_id, order.size());
    if (fresh) order.push_back(&group);
    order[at->second] = &group;
  }
  constexpr std::int32_t kNone = -1;
  std::unordered_map<std::int32_t, std::int32_t> owner;  // of each segment that occurs
  for (const std::int32_t segment : segment_of_vertex) owner.try_emplace(segment, kNone);
  for (const SegGroup* group : order) {
    for (const std::int32_t segment : group->segments) {
      const auto found = owner.find(segment);
      if (found == owner.end())
        throw InputError(explain("object " + std::to_string(group->object_id) + " ('" +
                                     detail::printable(group->label) + "')",
                                 "segment " + std::to_string(segment) + ", which no vertex has",
                                 "segments of the mesh",
                                 "take segs.json and aggregation.json from the same scan"));
      found->second = group->object_id;
    }
  }
  std::vector<std::int32_t> ids;
  ids.reserve(segment_of_vertex.size());
  for (const std::int32_t segment : segment_of_vertex) ids.push_back(owner.at(segment));
  return ids;
}

}  // namespace vega::scan
