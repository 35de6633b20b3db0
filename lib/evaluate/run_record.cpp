#include "evaluate/run_record.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "base/publish.h"
#include "tasks/answer_parts.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

void compare_scene(const std::string& scene, const Json& there, const Json& mine,
                   std::vector<std::string>& out) {
  for (const std::string& difference : tasks::run_differences(there, mine))
    out.push_back("inputs." + scene + "." + difference);
}

// Adds the differences of two maps of cache keys by scene; scenes that only one has are none.
void compare_inputs(const Json& there, const Json& mine, std::vector<std::string>& out) {
  std::unordered_map<std::string_view, const Json*> known;
  for (const auto& [scene, keys] : there.members()) known.emplace(scene, &keys);
  for (const auto& [scene, keys] : mine.members()) {
    const auto other = known.find(scene);
    if (other == known.end()) continue;
    compare_scene(scene, *other->second, keys, out);
  }
}

// All but the inputs.
Json without_inputs(const Json& run) {
  Json out = Json::object();
  for (const auto& [name, value] : run.members())
    if (name != "inputs") out.add(name, value);
  return out;
}

std::vector<std::string> differences_of(const Json& there, const Json& mine) {
  std::vector<std::string> out;
  for (const std::string& difference :
       tasks::run_differences(without_inputs(there), without_inputs(mine))) {
    // The fingerprint says which checkpoint it is; what is known of the scenes grows.
    const auto of = [&](std::string_view name) { return difference.starts_with(name); };
    if (!of("checkpoint:") && !of("mismatches:")) out.push_back(difference);
  }
  compare_inputs(there["inputs"], mine["inputs"], out);
  return out;
}

void refuse_differences(const fs::path& path, const std::vector<std::string>& differences) {
  if (differences.empty()) return;
  constexpr std::size_t kShown = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, differences.size()); ++i)
    text += "\n  " + differences[i];
  if (differences.size() > kShown)
    text += fmt::format("\n  and {} more", differences.size() - kShown);
  const bool questions = std::ranges::any_of(
      differences, [](const std::string& one) { return one.starts_with("questions."); });
  throw RefusedError(
      path.string() + ": these answers were made in another way:" + text +
      (questions ? "\n  the file of questions is another one, or was changed: these answers go on "
                   "with the file as it was; for this one"
                 : "\n ") +
      " give another -o, or start anew with --overwrite");
}

// What the shards of a folder noted and run.json does not say yet is added to it; true: there was
// some. A note of a scene that is known there is left out: the first one counts.
bool add_notes(const fs::path& folder, Json& run) {
  Json inputs = run["inputs"].is_object() ? run["inputs"] : Json::object();
  Json mismatches = run["mismatches"].is_list() ? run["mismatches"] : Json::list();
  std::set<std::string> scenes, said;
  for (const auto& [scene, keys] : inputs.members()) scenes.insert(scene);
  for (const Json& one : mismatches.elements()) said.insert(one.text_or(""));
  const std::size_t before = scenes.size() + said.size();
  for (const tasks::Part& part : tasks::parts_in(folder)) {
    const fs::path path = notes_path(part.path);
    if (!fs::exists(path)) continue;
    const std::string text = bytes_of_lines(path);
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      const auto note = parse_json(line);  // of the last one a part may be there
      if (!note || !(*note)["scene"].text()) continue;
      const std::string& scene = *(*note)["scene"].text();
      if (scenes.insert(scene).second) inputs.add(scene, (*note)["keys"]);
      const std::string mismatch = (*note)["mismatch"].text_or("");
      if (!mismatch.empty() && said.insert(mismatch).second) mismatches.push(mismatch);
    }
  }
  if (scenes.size() + said.size() == before) return false;
  run.set("inputs", std::move(inputs));
  if (!said.empty()) run.set("mismatches", std::move(mismatches));
  return true;
}

}  // namespace

RunRecord::RunRecord(const fs::path& part, const Json& run)
    : folder_(part.parent_path()), notes_path_(notes_path(part)) {
  const fs::path& folder = folder_;
  make_folder(folder);
  const fs::path path = folder / tasks::kRunFile;
  const FolderLock lock(folder);  // one of several shards writes it
  if (!fs::exists(path)) {
    if (const auto parts = tasks::parts_in(folder); !parts.empty())
      throw RefusedError(explain(
          folder.string(), parts.front().path.filename().string() + " without " + tasks::kRunFile,
          "a folder of one run, or a new one", "give another -o, or start anew with --overwrite"));
    publish_file(path, run.dump(1) + "\n");
    learn(run);
    return;
  }
  Json there = tasks::read_run(path);
  bool more = add_notes(folder, there);
  refuse_differences(path, differences_of(there, run));
  learn(there);
  Json inputs = there["inputs"].is_object() ? there["inputs"] : Json::object();
  const std::size_t before = inputs.size();
  for (const auto& [scene, keys] : run["inputs"].members())
    if (!inputs_.contains(scene)) inputs.add(scene, keys);
  if (inputs.size() != before) {
    there.set("inputs", std::move(inputs));
    more = true;
  }
  if (more) publish_file(path, there.dump(1) + "\n");
  learn(there);
  std::error_code ignored;
  if (!is_being_written(part)) fs::remove(notes_path_, ignored);  // run.json has them
}

RunRecord::~RunRecord() {
  if (!notes_) return;
  try {
    hand_over();
  } catch (const std::exception& error) {
    log_warn("{}: {}", notes_path_.string(), error.what());
  }
}

void RunRecord::hand_over() {
  const fs::path path = folder_ / tasks::kRunFile;
  const FolderLock lock(folder_);
  Json run = tasks::read_run(path);
  if (add_notes(folder_, run)) publish_file(path, run.dump(1) + "\n");
  std::error_code ignored;
  fs::remove(notes_path_, ignored);
}

void RunRecord::learn(const Json& run) {
  for (const auto& [scene, keys] : run["inputs"].members()) inputs_.try_emplace(scene, keys);
  for (const Json& mismatch : run["mismatches"].elements())
    mismatches_.emplace(mismatch.text_or(""));
}

void RunRecord::note_inputs(const std::string& scene, const Json& keys,
                            const std::string& mismatch) {
  const std::lock_guard held(mutex_);
  const auto known = inputs_.find(scene);
  if (known != inputs_.end()) {
    std::vector<std::string> differences;
    compare_scene(scene, known->second, keys, differences);
    refuse_differences(folder_ / tasks::kRunFile, differences);
    if (mismatch.empty() || mismatches_.contains(mismatch)) return;
  }
  if (!notes_) notes_ = std::make_unique<LineFile>(notes_path_);
  Json note{{"scene", scene}, {"keys", keys}};
  if (!mismatch.empty()) note.set("mismatch", mismatch);
  notes_->append(note.dump());
  inputs_.try_emplace(scene, keys);
  if (!mismatch.empty()) mismatches_.insert(mismatch);
}

fs::path notes_path(const fs::path& part) {
  return fs::path(part).replace_extension(".inputs.jsonl");
}

std::vector<std::string> record_differences(const fs::path& folder, const Json& run) {
  const fs::path path = folder / tasks::kRunFile;
  if (!fs::exists(path)) return {};
  Json there = tasks::read_run(path);
  add_notes(folder, there);
  return differences_of(there, run);
}

}  // namespace vega::evaluate
