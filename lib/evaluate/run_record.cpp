#include "evaluate/run_record.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file_lock.h"
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

}  // namespace

RunRecord::RunRecord(const fs::path& folder, const Json& run) : folder_(folder) {
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
  refuse_differences(path, differences_of(there, run));
  learn(there);
  Json inputs = there["inputs"].is_object() ? there["inputs"] : Json::object();
  const std::size_t before = inputs.size();
  for (const auto& [scene, keys] : run["inputs"].members())
    if (!inputs_.contains(scene)) inputs.add(scene, keys);
  if (inputs.size() == before) return;
  there.set("inputs", std::move(inputs));
  publish_file(path, there.dump(1) + "\n");
  learn(there);
}

void RunRecord::learn(const Json& run) {
  for (const auto& [scene, keys] : run["inputs"].members()) inputs_.try_emplace(scene, keys);
  for (const Json& mismatch : run["mismatches"].elements())
    mismatches_.emplace(mismatch.text_or(""));
}

void RunRecord::note_inputs(const std::string& scene, const Json& keys,
                            const std::string& mismatch) {
  const std::lock_guard held(mutex_);
  const fs::path path = folder_ / tasks::kRunFile;
  const auto compare = [&] {
    const auto known = inputs_.find(scene);
    if (known == inputs_.end()) return false;
    std::vector<std::string> differences;
    compare_scene(scene, known->second, keys, differences);
    refuse_differences(path, differences);
    return mismatch.empty() || mismatches_.contains(mismatch);
  };
  if (compare()) return;
  const FolderLock lock(folder_);
  Json run = tasks::read_run(path);  // other shards may have added to it
  learn(run);
  if (compare()) return;
  if (!inputs_.contains(scene)) {
    Json inputs = run["inputs"];
    inputs.add(scene, keys);
    run.set("inputs", std::move(inputs));
  }
  if (!mismatch.empty() && !mismatches_.contains(mismatch)) {
    Json all = run["mismatches"];
    all.push(mismatch);
    run.set("mismatches", std::move(all));
  }
  publish_file(path, run.dump(1) + "\n");
  learn(run);
}

std::vector<std::string> record_differences(const fs::path& folder, const Json& run) {
  const fs::path path = folder / tasks::kRunFile;
  return fs::exists(path) ? differences_of(tasks::read_run(path), run) : std::vector<std::string>();
}

}  // namespace vega::evaluate
