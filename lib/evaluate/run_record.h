// run.json of a folder of answers: how the answers are made (docs/formats.md, "Answers"). Its
// member `inputs` holds the cache keys of the files by scene. What a run adds to it while scenes
// are answered stands in a file of lines beside its part until the run ends, so that run.json is
// not written anew for every scene.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "evaluate/line_file.h"

namespace vega::evaluate {

// The record of a run that is under way. What it says of a scene never changes.
class RunRecord {
 public:
  // part: the file of this shard's answers. Makes its folder and writes run.json there; where there
  // is one, compares it with `run` and adds the inputs of further scenes, and those that a run
  // noted which was killed. Throws RefusedError: another run.json, with the differences; parts
  // without run.json. FormatError, OutputError.
  RunRecord(const std::filesystem::path& part, const Json& run);
  // Adds the notes to run.json. Where that fails there is a warning, and the next run adds them.
  ~RunRecord();

  // Compares with what is known of the scene, or notes on disk, what its answers are made of:
  // {PART: cache_key}; mismatch: how features differ from training, where that was allowed. May be
  // called from several threads. Throws RefusedError, InputError (another process writes this
  // part), OutputError.
  void note_inputs(const std::string& scene, const Json& keys, const std::string& mismatch);

 private:
  void learn(const Json& run);
  void hand_over();

  std::filesystem::path folder_, notes_path_;
  std::mutex mutex_;                 // of what follows
  std::unique_ptr<LineFile> notes_;  // from the first note on
  std::unordered_map<std::string, Json> inputs_;
  std::set<std::string> mismatches_;
};

// part-0-of-4.inputs.jsonl of a part's file: what its run notes.
std::filesystem::path notes_path(const std::filesystem::path& part);

// The differences of the folder's run.json from `run`; none where there is no run.json.
std::vector<std::string> record_differences(const std::filesystem::path& folder, const Json& run);

}  // namespace vega::evaluate
