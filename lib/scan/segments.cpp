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

std::string shown(double value, std::optional<std::int64_t> whole) {
  return whole ? std::to_string(*whole) : std::to_string(value);
}

class SegmentSink final : public detail::JsonSink {
 public:
  SegmentSink(const std::string& where, std::size_t vertices)
      : where_(where), vertices_(vertices) {}

  void open(const std::string& path, bool list) override {
    if (path == kList) {
      if (!list || seen_) refuse(seen_ ? "the list twice" : "an object");
      seen_ = true;
      values.reserve(vertices_);
    } else if (path == kItem) {
      refuse("entry " + std::to_string(values.size()) + ": no number");
    }
  }
  void close(const std::string&) override {}
  void number(const std::string& path, double value, std::optional<std::int64_t> whole) override {
    if (path == kItem) {
      if (!whole || *whole < 0 || *whole > kMostSegment)
        refuse("entry " + std::to_string(values.size()) + ": " + shown(value, whole));
      if (values.size() == vertices_) wrong_count("more");
      values.push_back(static_cast<std::int32_t>(*whole));
    } else if (path == kList) {
      refuse("a number");
    }
  }
  void text(const std::string& path, const std::string&) override { other(path); }
  void other(const std::string& path) override {
    if (path == kList) refuse("another value");
    if (path == kItem) refuse("entry " + std::to_string(values.size()) + ": no number");
  }

  void finish() const {
    if (!seen_) refuse("a file without it");
    if (values.size() != vertices_) wrong_count(std::to_string(values.size()));
  }

  std::vector<std::int32_t> values;

 private:
  static constexpr const char* kList = "/segIndices";
  static constexpr const char* kItem = "/segIndices/#";

  [[noreturn]] void refuse(const std::string& got) const {
    detail::fail(where_ + ": segIndices", got, "a list with a segment id (0..2147483647) a vertex");
  }
  [[noreturn]] void wrong_count(const std::string& got) const {
    throw InputError(explain(where_ + ": segIndices", got + " entries",
                             std::to_string(vertices_) + ", one a vertex of the mesh",
                             "take both files from the same scan"));
  }

  const std::string& where_;
  std::size_t vertices_;
  bool seen_ = false;
};

class GroupSink final : public detail::JsonSink {
 public:
  explicit GroupSink(const std::string& where) : where_(where) {}

  void open(const std::string& path, bool list) override {
    if (path == "/segGroups") {
      if (!list || seen_) refuse("segGroups", seen_ ? "the list twice" : "an object");
      seen_ = true;
    } else if (path == "/segGroups/#") {
      if (list) refuse(place(), "a list");
      if (groups.size() == kMostGroups) refuse("segGroups", "more than 32768 groups");
      groups.emplace_back();
      has_id_ = has_label_ = has_segments_ = false;
    } else if (path == "/segGroups/#/segments") {
      if (!list || has_segments_) refuse(place() + ", segments", list ? "two lists" : "an object");
      has_segments_ = true;
    } else {
      misplaced(path);
    }
  }
  void close(const std::string& path) override {
    if (path != "/segGroups/#") return;
    if (!has_id_) refuse(place(), "no objectId");
    if (!has_label_) refuse(place(), "no label");
    if (!has_segments_) refuse(place(), "no segments");
  }
  void number(const std::string& path, double value, std::optional<std::int64_t> whole) override {
    if (path == "/segGroups/#/segments/#") {
      if (!whole || *whole < 0 || *whole > kMostSegment)
        refuse(place() + ", segments", shown(value, whole));
      groups.back().segments.push_back(static_cast<std::int32_t>(*whole));
    } else if (path == "/segGroups/#/objectId") {
      if (has_id_ || !whole || *whole < 0 || *whole > kMostId)
        refuse(place() + ", objectId", has_id_ ? "two of them" : shown(value, whole));
      groups.back().object_id = static_cast<std::int32_t>(*whole);
      has_id_ = true;
    } else {
      misplaced(path);
    }
  }
  void text(const std::string& path, const std::string& value) override {
    if (path != "/segGroups/#/label") return misplaced(path);
    const bool control = std::any_of(value.begin(), value.end(),
                                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (has_label_ || control || value.size() > kMostLabel)
      refuse(place() + ", label", "'" + detail::printable(value) + "'");
    groups.back().label = value;
    has_label_ = true;
  }
  void other(const std::string& path) override { misplaced(path); }

  void finish() const {
    if (!seen_) refuse("segGroups", "a file without it");
  }

  std::vector<SegGroup> groups;

 private:
  // A value where another kind belongs.
  void misplaced(const std::string& path) const {
    for (const char* known :
         {"/segGroups", "/segGroups/#", "/segGroups/#/objectId", "/segGroups/#/label",
          "/segGroups/#/segments", "/segGroups/#/segments/#"}) {
      if (path == known) refuse(place(), "a value of another kind at " + path.substr(1));
    }
  }
  std::string place() const {
    return "segGroups, group " + std::to_string(groups.empty() ? 0 : groups.size() - 1);
  }
  [[noreturn]] void refuse(const std::string& where, const std::string& got) const {
    detail::fail(where_ + ": " + where, got,
                 "a list of groups, each with objectId (0..32767), label (text, at most 256 bytes) "
                 "and segments (0..2147483647)");
  }

  const std::string& where_;
  bool seen_ = false, has_id_ = false, has_label_ = false, has_segments_ = false;
};

}  // namespace

std::vector<std::int32_t> read_segments(const std::filesystem::path& path,
                                        std::size_t vertex_count) {
  const std::string where = path.string();
  SegmentSink sink(where, vertex_count);
  detail::read_json(path, "JSON with a list segIndices", sink);
  sink.finish();
  return std::move(sink.values);
}

std::vector<SegGroup> read_aggregation(const std::filesystem::path& path) {
  const std::string where = path.string();
  GroupSink sink(where);
  detail::read_json(path, "JSON with a list segGroups", sink);
  sink.finish();
  return std::move(sink.groups);
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
