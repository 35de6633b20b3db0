// The files of the one scene that a question is about: those that are there, and those that are
// computed from its scan because they are not.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "run/context.h"
#include "scene/scan_job.h"
#include "vlm/checkpoint.h"

namespace vega::evaluate {

// Where the files are looked for, and what is needed to make them.
struct ScanInputs {
  std::string scene;                       // a path, or the key of files in the folders below
  std::string key;                         // of --key; empty: from the path
  bool by_key = false;                     // `scene` is a key, whatever lies in this folder
  std::string scenes, semantic, features;  // folders of --scenes, --semantic, --features
  std::string tokens;                      // of --tokens, in place of features; empty: none
  std::string tower, model, prompt;        // folders of weights; empty: none is at hand
  std::string work;                        // folder for what is made; empty: a temporary one
  ScanJob job;                             // the settings of what is made
};

// What a checkpoint needs of a scene.
struct NeededParts {
  bool semantic = true, scene = false, generative = false;
  std::string why_scene;  // "3D positions of tokens": for the message
  // Looks at the scene file before anything else is made; throws what rules it out.
  std::function<void(const std::filesystem::path&)> check_scene = {};
};

// The features and positions that a checkpoint reads. Features that count as 0 need no files where
// no folder is given: the scene file says how many frames there are.
NeededParts needed_parts(const vlm::VlmCheckpoint& checkpoint, const ScanInputs& inputs);

// Whether nothing has to be made: every part that is needed is a file of its folder.
bool files_are_there(const ScanInputs& inputs, const NeededParts& needed);

// A wrong folder: throws InputError where a part that is needed is there of none of the scenes,
// `keys`, and cannot be made. scans: of some scene there is a scan.
void check_folders(const ScanInputs& inputs, const NeededParts& needed,
                   const std::vector<std::string>& keys, bool scans);

// The files of one scene; empty: there is none, or it is not needed.
struct ScenePaths {
  std::filesystem::path scene, semantic, generative;
  std::filesystem::path tokens;  // in place of the two before
};

// Removes the temporary folder when it is destroyed.
class ScanFiles {
 public:
  // Finds or makes the files. Throws UsageError (a key without the folders), InputError: a part
  // that is neither there nor can be made, with what is missing and what works without it.
  ScanFiles(const ScanInputs& inputs, const NeededParts& needed, const MakeScanPart& make,
            const Context& context);
  ~ScanFiles();
  ScanFiles(const ScanFiles&) = delete;
  ScanFiles& operator=(const ScanFiles&) = delete;

  const std::string& key() const { return key_; }
  const ScenePaths& paths() const { return paths_; }

 private:
  std::filesystem::path part(ScanPart part, const ScanInputs& inputs, const MakeScanPart& make,
                             const Context& context);
  std::filesystem::path work_folder(const std::string& asked);

  std::string key_, why_scene_;
  std::filesystem::path scan_, temporary_;
  ScenePaths paths_;
};

}  // namespace vega::evaluate
