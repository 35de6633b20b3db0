#include "score/box_source.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "score/box_numbers.h"
#include "tasks/json_list.h"
#include "tasks/sample.h"

namespace vega::score {

namespace {

void check_sizes(const std::vector<metrics::BoxNumbers>& boxes, const std::string& where) {
  for (std::size_t i = 0; i < boxes.size(); ++i)
    for (const double number : boxes[i])
      if (!(std::abs(number) < tasks::kMostMetres))
        throw FormatError(explain(where + "[" + std::to_string(i) + "]", shown(Json(boxes[i])),
                                  "metres, below a million"));
}

}  // namespace

BoxSource::BoxSource(BoxFiles files) : files_(std::move(files)) {
  if (files_.boxes.empty()) return;
  const MappedFile file(files_.boxes);
  const std::string path = files_.boxes.string();
  tasks::each_member(file.text(), path, "boxes by scene",
                     [&](const std::string& name, std::string_view value) {
                       const std::string scene = name.substr(name.rfind('/') + 1);
                       const std::string where = path + ": " + printable(name, 80);
                       if (scenes_.contains(scene) || failed_.contains(scene)) {
                         scenes_.erase(scene);
                         failed_[scene] = explain(where, "a scene twice", "each scene once");
                         return;
                       }
                       try {
                         std::size_t repaired = 0;
                         const auto boxes = boxes_of(tasks::parse_element(value, repaired), where);
                         check_sizes(boxes, where);
                         SceneBoxes& of_scene = scenes_[scene];
                         for (std::size_t i = 0; i < boxes.size(); ++i)
                           of_scene[static_cast<std::int64_t>(i)] = boxes[i];
                       } catch (const FormatError& error) {
                         const std::string why = error.what();
                         failed_[scene] = why.starts_with(where) ? why : where + ": " + why;
                       }
                     });
  if (scenes_.empty() && failed_.empty())
    throw FormatError(explain(path, "not one scene", "boxes by scene: {\"SCENE\": [[6 numbers]]}"));
}

void BoxSource::require_files(const std::string& where) const {
  if (!files_.boxes.empty()) return;
  if (files_.scenes.empty())
    throw InputError(explain(where, "object ids without boxes", files_.what,
                             "give " + files_.option + " or --scenes DIR"));
  if (!files_.read_scene)
    throw InputError(explain("--scenes", "a program built without HDF5", "a build with HDF5",
                             "give " + files_.option));
}

const SceneBoxes& BoxSource::of(const std::string& where, const std::string& scene) {
  if (const auto at = scenes_.find(scene); at != scenes_.end()) return at->second;
  if (const auto at = failed_.find(scene); at != failed_.end()) throw InputError(at->second);
  require_files(where);
  if (!files_.boxes.empty())
    throw InputError(
        explain(files_.boxes.string(), "no boxes of " + printable(scene, 80),
                "all scenes of the annotation file",
                "the release leaves out scenes whose object ids have gaps; use --scenes DIR"));
  try {
    return scenes_[scene] = files_.read_scene(files_.scenes / (scene + ".h5"));
  } catch (const InputError& error) {
    scenes_.erase(scene);
    failed_[scene] = error.what();
    throw;
  }
}

metrics::BoxNumbers BoxSource::box(const std::string& where, const std::string& scene,
                                   std::int64_t object) {
  const SceneBoxes& boxes = of(where, scene);
  const auto at = boxes.find(object);
  if (at != boxes.end()) return at->second;
  const auto& source = files_.boxes.empty() ? files_.scenes : files_.boxes;
  throw InputError(
      explain(where, "object " + std::to_string(object) + " of " + printable(scene, 80),
              "an object among the " + std::to_string(boxes.size()) + " of " + source.string(),
              "is it another version of the segmentation?"));
}

}  // namespace vega::score
