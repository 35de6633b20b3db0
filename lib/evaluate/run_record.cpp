#include "evaluate/run_record.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/publish.h"
#include "evaluate/line_file.h"
#include "tasks/answer_parts.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

Json read_run(const fs::path& path) {
  return parse_json(bytes_of_lines(path),
                    {path.string(), "run.json of the answers",
                     "take it from a copy, give another -o, or start anew with --overwrite"});
}

// Adds the differences of two maps of cache keys by scene; scenes that only one has are none.
void compare_inputs(const Json& there, const Json& mine, std::vector<std::string>& out) {
  for (const auto& [scene, keys] : mine.members()) {
    const Json* other = there.find(scene);
    if (other == nullptr) continue;
    for (const std::string& difference : tasks::run_differences(*other, keys))
      out.push_back("inputs." + scene + "." + difference);
  }
}

std::vector<std::string> differences_of(const Json& there, const Json& mine) {
  std::vector<std::string> out;
  for (const std::string& difference : tasks::run_differences(there, mine)) {
    // The fingerprint says which checkpoint it is; what is known of the scenes grows.
    const auto of = [&](std::string_view name) { return difference.starts_with(name); };
    if (!of("checkpoint:") && !of("inputs") && !of("mismatches:")) out.push_back(difference);
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

void open_record(const fs::path& folder, const Json& run) {
  make_folder(folder);
  const fs::path path = folder / tasks::kRunFile;
  const FolderLock lock(folder);  // one of several shards writes it
  if (!fs::exists(path)) {
    if (const auto parts = tasks::parts_in(folder); !parts.empty())
      throw RefusedError(explain(
          folder.string(), parts.front().path.filename().string() + " without " + tasks::kRunFile,
          "a folder of one run, or a new one", "give another -o, or start anew with --overwrite"));
    publish_file(path, run.dump(1) + "\n");
    return;
  }
  Json there = read_run(path);
  refuse_differences(path, differences_of(there, run));
  Json inputs = there["inputs"].is_object() ? there["inputs"] : Json::object();
  bool grown = false;
  for (const auto& [scene, keys] : run["inputs"].members()) {
    if (inputs.contains(scene)) continue;
    inputs.add(scene, keys);
    grown = true;
  }
  if (!grown) return;
  there.set("inputs", std::move(inputs));
  publish_file(path, there.dump(1) + "\n");
}

void note_inputs(const fs::path& folder, const std::string& scene, const Json& keys,
                 const std::string& mismatch) {
  const fs::path path = folder / tasks::kRunFile;
  const FolderLock lock(folder);
  Json run = read_run(path);
  std::vector<std::string> differences;
  compare_inputs(run["inputs"], {{scene, keys}}, differences);
  refuse_differences(path, differences);
  bool grown = false;
  if (!run["inputs"].contains(scene)) {
    Json inputs = run["inputs"];
    inputs.set(scene, keys);
    run.set("inputs", std::move(inputs));
    grown = true;
  }
  if (const auto known = run["mismatches"].elements();
      !mismatch.empty() && std::ranges::find(known, Json(mismatch)) == known.end()) {
    Json all = run["mismatches"];
    all.push(mismatch);
    run.set("mismatches", std::move(all));
    grown = true;
  }
  if (grown) publish_file(path, run.dump(1) + "\n");
}

std::vector<std::string> record_differences(const fs::path& folder, const Json& run) {
  const fs::path path = folder / tasks::kRunFile;
  return fs::exists(path) ? differences_of(read_run(path), run) : std::vector<std::string>();
}

}  // namespace vega::evaluate
