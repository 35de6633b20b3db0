// The facts of a room that sentences are made from: objects.json, read back.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "synth/room.h"

namespace vega::synth {

struct Thing {
  int id = 0;
  std::string label;               // "cone", "sofa"
  std::string colour;              // of the plain shapes; empty: furniture and walls
  RoomPoint low{}, high{};         // its box, metres, room frame
  double seen = 0;                 // share of the picture that shows it best, 0 to 1
  std::vector<double> shown = {};  // share of each written picture of the walk

  bool is_shape() const { return !colour.empty(); }
  double x() const { return (low[0] + high[0]) / 2; }  // middle of the footprint
  double y() const { return (low[1] + high[1]) / 2; }
  double z() const { return (low[2] + high[2]) / 2; }
  double height() const { return high[2] - low[2]; }
  double volume() const { return height() * (high[0] - low[0]) * (high[1] - low[1]); }
};

struct RoomFacts {
  std::string scene;          // "scene0000_00"
  std::vector<Thing> things;  // place = id
};

// A thing is spoken of where some picture shows it this large: a quarter of a cell of the 14x14
// grid.
inline constexpr double kSeen = 1.0 / 784;

// The facts in a scene's objects.json. Throws InputError (cannot be opened), FormatError (no
// objects.json of a study room).
RoomFacts read_facts(const std::filesystem::path& objects_json, const std::string& scene);

}  // namespace vega::synth
