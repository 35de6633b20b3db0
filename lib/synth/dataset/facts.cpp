#include "synth/dataset/facts.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"

namespace vega::synth {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& where,
                         const Json& got) {
  throw FormatError(explain(path.string() + ": " + where, shown(got),
                            "objects.json of vega-synth scene --study",
                            "remove the room's folder, and run the command again"));
}

RoomPoint corner(const Json& json, const std::string& name, const std::filesystem::path& path) {
  RoomPoint out{};
  for (std::size_t a = 0; a < 3; ++a) {
    const auto value = json[name][a].number();
    if (!value) refuse(path, name, json[name]);
    out[a] = *value;
  }
  return out;
}

}  // namespace

RoomFacts read_facts(const std::filesystem::path& path, const std::string& scene) {
  const Json root = read_json(path, "the objects of a room", {std::size_t{64} << 20});
  const auto width = root["recipe"]["width"].number(), height = root["recipe"]["height"].number();
  if (!root["recipe"]["study"].flag().value_or(false) || !width || !height)
    refuse(path, "recipe", root["recipe"]);
  RoomFacts out{scene, {}};
  for (const Json& object : root["objects"].elements()) {
    Thing thing;
    thing.id = static_cast<int>(out.things.size());
    if (object["id"].whole() != thing.id) refuse(path, "id", object["id"]);
    thing.label = object["label"].text_or("");
    thing.colour = object["colour"].text_or("");
    thing.low = corner(object, "min", path), thing.high = corner(object, "max", path);
    double most = 0;
    for (const Json& pixels : object["pixels"].elements()) {
      most = std::max(most, pixels.number().value_or(0));
      thing.shown.push_back(pixels.number().value_or(0) / (*width * *height));
    }
    thing.seen = most / (*width * *height);
    out.things.push_back(thing);
  }
  return out;
}

}  // namespace vega::synth
