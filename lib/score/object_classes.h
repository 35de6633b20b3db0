// Which objects ScanRefer calls unique: the only one of their class in the scene. Source:
// Video-3D-LLM, process_scanrefer and process_sqa3d.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace vega::score {

struct NamedObject {
  std::string scene, id, name;  // name: "coffee_table"
};
struct ObjectClass {
  bool multiple = false;  // the scene has another object of this class
  bool others = false;    // none of the 19 classes that have a name
};

// The class of each object, which several rows may name. labels: scannetv2-labels.combined.tsv.
// Throws InputError, FormatError.
std::vector<ObjectClass> object_classes(std::span<const NamedObject> objects,
                                        const std::filesystem::path& labels);

}  // namespace vega::score
