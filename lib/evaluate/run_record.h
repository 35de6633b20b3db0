// run.json of a folder of answers: how the answers are made (docs/formats.md, "Answers"). Its
// member `inputs` holds the cache keys of the files by scene, and grows while scenes are answered.
#pragma once

#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/json.h"

namespace vega::evaluate {

// The record of a run that is under way. What it says of a scene never changes, so that it is read
// again, and written, only for scenes that it does not know.
class RunRecord {
 public:
  // Makes the folder and writes run.json; where there is one, compares it with `run` and adds the
  // inputs of further scenes. Throws RefusedError: another run.json, with the differences; parts
  // without run.json. FormatError, OutputError.
  RunRecord(const std::filesystem::path& folder, const Json& run);

  // Compares with run.json, or adds to it, what a scene's answers are made of: {PART: cache_key};
  // mismatch: how features differ from training, where that was allowed. May be called from several
  // threads. Throws RefusedError.
  void note_inputs(const std::string& scene, const Json& keys, const std::string& mismatch);

 private:
  void learn(const Json& run);

  std::filesystem::path folder_;
  std::mutex mutex_;  // of what follows
  std::unordered_map<std::string, Json> inputs_;
  std::set<std::string> mismatches_;
};

// The differences of the folder's run.json from `run`; none where there is no run.json.
std::vector<std::string> record_differences(const std::filesystem::path& folder, const Json& run);

}  // namespace vega::evaluate
