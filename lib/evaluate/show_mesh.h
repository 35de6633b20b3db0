// The boxes of shown questions for mesh viewers and other programs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "evaluate/show_case.h"

namespace vega::evaluate {

// Gathers boxes question by question, and writes them.
//   NAME.json  schema vega.boxes/1: each box in the aligned frame, its corners in the scan's own
//   NAME.ply   meshes, a scene each: NAME.ply in the frame of the scan, NAME-aligned.ply; of
//              several scenes NAME-SCENE.ply and NAME-SCENE-aligned.ply
class BoxFile {
 public:
  // Throws UsageError: another ending. An empty path: nothing is written.
  explicit BoxFile(std::filesystem::path path);

  void add(const std::string& id, const std::string& scene, std::span<const CaseBox> boxes,
           const Pose& aligned_from_scan);
  // Throws OutputError, UsageError (a file of another kind has the name).
  void write() const;

 private:
  struct Scene {
    std::string name;
    std::vector<CaseBox> boxes;
    Pose aligned_from_scan{};
  };
  std::filesystem::path path_;
  std::vector<Scene> scenes_;
  Json boxes_ = Json::list();
};

}  // namespace vega::evaluate
