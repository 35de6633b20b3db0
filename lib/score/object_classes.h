// The objects that ScanRefer calls unique: the only one of their class in the scene. Source:
// Video-3D-LLM, process_scanrefer and process_sqa3d.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"

namespace vega::score {

struct NamedObject {
  std::string scene, id, name;  // name: "coffee_table"
};
struct ObjectClass {
  bool multiple = false;  // the scene has another object of this class
  bool others = false;    // none of the 19 classes that have a name
};

// The object of a row of ScanRefer's file. Members that it lacks are empty.
NamedObject named_object(const Json& row);

// question_type of ScanRefer and Scan2Cap: "unique" or "multiple".
std::string question_type(const ObjectClass& object);

// The class of each object, which several rows may name. labels: scannetv2-labels.combined.tsv.
// Throws InputError, FormatError.
std::vector<ObjectClass> object_classes(std::span<const NamedObject> objects,
                                        const std::filesystem::path& labels);

}  // namespace vega::score
