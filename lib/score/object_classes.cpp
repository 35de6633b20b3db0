#include "score/object_classes.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "scan/labels.h"
#include "tasks/sample_members.h"

namespace vega::score {
namespace {

// NYU40 ids of the classes that have a name; all others are one class.
constexpr std::array<int, 19> kNamed = {1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
                                        11, 12, 14, 16, 24, 28, 33, 34, 36};
constexpr int kOthers = 39;

int class_of(std::string name, const scan::LabelMap& labels) {
  std::replace(name.begin(), name.end(), '_', ' ');
  const int id = labels.contains(name) ? labels.nyu40(name) : kOthers;
  return std::find(kNamed.begin(), kNamed.end(), id) != kNamed.end() ? id : kOthers;
}

}  // namespace

NamedObject named_object(const Json& row) {
  return {row["scene_id"].text_or(""), tasks::id_text(row["object_id"]).value_or(""),
          row["object_name"].text_or("")};
}

std::string question_type(const ObjectClass& object) {
  return object.multiple ? "multiple" : "unique";
}

std::vector<ObjectClass> object_classes(std::span<const NamedObject> objects,
                                        const std::filesystem::path& labels_path) {
  const scan::LabelMap labels(labels_path);
  std::map<std::pair<std::string, int>, std::size_t> in_scene;
  std::set<std::pair<std::string, std::string>> counted;  // an object counts by its first name
  for (const NamedObject& one : objects)
    if (counted.emplace(one.scene, one.id).second)
      ++in_scene[{one.scene, class_of(one.name, labels)}];
  std::vector<ObjectClass> out;
  for (const NamedObject& one : objects) {
    const int id = class_of(one.name, labels);
    out.push_back({in_scene[{one.scene, id}] > 1, id == kOthers});
  }
  return out;
}

}  // namespace vega::score
