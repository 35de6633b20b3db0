// Boxes by scene: of annotated objects or of a detector, out of the JSON files of the release or of
// vega's scene files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "metrics/boxes.h"

namespace vega::score {

// Boxes of the objects of a scene, by object id (proposals: by their place), metres.
using SceneBoxes = std::map<std::int64_t, metrics::BoxNumbers>;
using ReadScene = std::function<SceneBoxes(const std::filesystem::path& file)>;

struct BoxFiles {
  std::filesystem::path boxes;   // --boxes: scannet_*_box.json; empty: not given
  std::filesystem::path scenes;  // --scenes: a folder of scene files, asked where no JSON is given
  ReadScene read_scene;          // unset in a build without HDF5
  // For messages.
  std::string what = "boxes of the annotated objects";
  std::string option = "--boxes scannet_val_gt_box.json";
};

class BoxSource {
 public:
  // Reads the JSON file. A scene whose list is broken costs only itself. Throws InputError (cannot
  // be opened), FormatError (no JSON object).
  explicit BoxSource(BoxFiles files);

  // Throws InputError that begins with `where`: neither file nor folder is given, or a folder in a
  // build without HDF5.
  void require_files(const std::string& where) const;

  // Throw InputError as above, and: the scene is not there or broken, it has no such object.
  const SceneBoxes& of(const std::string& where, const std::string& scene);
  metrics::BoxNumbers box(const std::string& where, const std::string& scene, std::int64_t object);

 private:
  BoxFiles files_;
  std::map<std::string, SceneBoxes> scenes_;
  std::map<std::string, std::string> failed_;  // why a scene has no boxes
};

}  // namespace vega::score
